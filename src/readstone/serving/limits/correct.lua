-- Corrects what was charged, unless it is forgotten by now.
-- KEYS: a hash for each rule. ARGV: for each the cell and the amount to add, which may be negative.
for index, key in ipairs(KEYS) do
  local cell = ARGV[index * 2 - 1]
  if redis.call('HEXISTS', key, cell) == 1 then
    redis.call('HINCRBY', key, cell, ARGV[index * 2])
  end
end
return #KEYS
