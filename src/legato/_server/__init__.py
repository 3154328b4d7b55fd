"""The server: routes from the operation table over a store; parses, authorises, sends, encodes."""
