# Sourced by scripts/test after setup.sh: a private PostgreSQL that is thrown away at the end.
# It keeps nothing, so it need not wait for the disk (fsync=off).

# Sets $pg_bin to the folder of the newest server programs; installs them if there are none.
find_postgres() {
    newest_postgres && return 0
    apt_install postgresql && newest_postgres
}

newest_postgres() {
    # shellcheck disable=SC2012  # these names are plain
    pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ ! -x "$pg_bin/initdb" ]; then
        pg_bin=$(dirname "$(command -v initdb || echo /none/initdb)")
    fi
    [ -x "$pg_bin/initdb" ]
}

# The server refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$pg_dir" && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Starts the server and exports LEGATO_TEST_POSTGRES_URL.
start_postgres() {
    find_postgres
    pg_dir=$(mktemp -d "${TMPDIR:-/tmp}/legato-postgres.XXXXXX")
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$pg_dir"
    fi
    as_postgres "$pg_bin/initdb" -D "$pg_dir/data" -U postgres -A trust -E UTF8 --no-locale \
        --no-sync >"$pg_dir/initdb.log"
    for try in 1 2 3; do
        pg_port=$(.venv/bin/python -c '
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])')
        pg_options="-c listen_addresses=127.0.0.1 -c port=$pg_port -c max_connections=200"
        pg_options="$pg_options -c unix_socket_directories=$pg_dir"
        pg_options="$pg_options -c fsync=off -c full_page_writes=off"
        if as_postgres "$pg_bin/pg_ctl" -D "$pg_dir/data" -l "$pg_dir/server.log" -s -w \
            -o "$pg_options" start; then
            LEGATO_TEST_POSTGRES_URL="postgresql://postgres@127.0.0.1:$pg_port/postgres"
            export LEGATO_TEST_POSTGRES_URL
            return 0
        fi
        say "PostgreSQL did not start on port $pg_port (try $try)."
    done
    cat "$pg_dir/server.log" >&2
    return 1
}

stop_postgres() {
    if [ -z "${pg_dir:-}" ]; then
        return 0
    fi
    if [ -f "$pg_dir/data/postmaster.pid" ]; then
        as_postgres "$pg_bin/pg_ctl" -D "$pg_dir/data" -s -m immediate stop || true
    fi
    rm -rf "$pg_dir"
}
