-- Claim people and return their words: KEYS[1] what is known of the counts, KEYS[2..] the people.
-- ARGV: which key hashes them, who claims, the caller's minute.
-- A claim lasts a day: what was counted under it may still be on its way.
local meta = server.call('HMGET', KEYS[1], 'key', 'since', 'newest')
if meta[1] ~= ARGV[1] then
  return server.error_reply('LOST no counts are here, or no more')
end
local seconds = tonumber(server.call('TIME')[1])
local known = tonumber(meta[3] or 0)
local newest = math.max(known, tonumber(ARGV[3]), math.floor(seconds / 60))
if newest > known then
  server.call('HSET', KEYS[1], 'newest', newest)
end
local now, claim = string.format('%010d', seconds), string.format('%010d', seconds + 86400) .. ARGV[2]
local claims = server.call('HMGET', KEYS[1], unpack(KEYS, 2))
local words = server.call('MGET', unpack(KEYS, 2))
local taken = {}
for i = 1, #KEYS - 1 do
  if claims[i] and claims[i] >= now then
    words[i] = 'busy'
  else
    taken[#taken + 1] = KEYS[i + 1]
    taken[#taken + 1] = claim
  end
end
if taken[1] then
  server.call('HSET', KEYS[1], unpack(taken))
end
return {tonumber(meta[2]), newest, words}
