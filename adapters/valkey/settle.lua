-- Give up claims, and write what was counted: KEYS[1] what is known of the counts, KEYS[2..] the people.
-- ARGV: who claimed, then for each of the people the words ('' as they were) and when they are over (ms).
-- Only under the claim: whoever says it twice, or too late, changes nothing.
local claims = server.call('HMGET', KEYS[1], unpack(KEYS, 2))
local done = {}
for i = 1, #KEYS - 1 do
  if claims[i] and string.sub(claims[i], 11) == ARGV[1] then
    done[#done + 1] = KEYS[i + 1]
    if ARGV[i * 2] ~= '' then
      server.call('SET', KEYS[i + 1], ARGV[i * 2], 'PXAT', ARGV[i * 2 + 1])
    end
  end
end
if done[1] then
  server.call('HDEL', KEYS[1], unpack(done))
end
return #done
