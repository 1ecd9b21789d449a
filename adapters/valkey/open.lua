-- Who may count here: KEYS[1] what is known of the counts.
-- ARGV: which key hashes them, the server's run, the counts' id as the caller knows it, an id for new ones.
-- Counts that may have been lost are told by `since`: the minute from which on they are whole again.
local meta = server.call('HMGET', KEYS[1], 'key', 'run', 'id')
local next_minute = math.floor(tonumber(server.call('TIME')[1]) / 60) + 1
if not meta[1] then
  if ARGV[4] == '' then
    return server.error_reply('LOST no counts are here, or no more')
  end
  local since = ARGV[3] == '' and 0 or next_minute
  -- The long text lets Valkey keep the claims beside it in a table, in which any number are found at once.
  server.call('HSET', KEYS[1], 'is', 'How many ads each subscriber has had, of posdata: keyed hashes, no number.',
    'key', ARGV[1], 'run', ARGV[2], 'id', ARGV[4], 'since', since)
  return ARGV[4]
end
if meta[1] ~= ARGV[1] then
  return server.error_reply('OTHERKEY the counts are of another key: nodes need the same privacy.hash_key_file')
end
if meta[2] ~= ARGV[2] then
  server.call('HSET', KEYS[1], 'run', ARGV[2], 'since', next_minute)
end
if ARGV[3] ~= '' and ARGV[3] ~= meta[3] then
  server.call('HSET', KEYS[1], 'since', next_minute)
end
return meta[3]
