"""Lock managers: `memory`, `filesystem`, `redis`; `protocol` says what one of your own must do."""
