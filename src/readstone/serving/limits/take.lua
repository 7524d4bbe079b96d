-- Charges counters all at once or not at all; the same rules as tally.py.
-- KEYS: a hash for each rule: cell -> amount. A cell is named by its begin in Unix seconds.
-- ARGV: now ('' for the server's clock), whether begins are told, then for each rule:
--   kind (slide, lease or period), amount, most, seconds, cell seconds, period's begin, its end, what it begins with.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local begins_are_told = ARGV[2] == '1'
local rules, unknown = {}, {}

local function cells_of(rule)
  local cells, flat = {}, redis.call('HGETALL', rule.key)
  for i = 1, #flat, 2 do
    local cell, amount = tonumber(flat[i]), tonumber(flat[i + 1])
    local is_period = rule.kind == 'period'
    local expiry = is_period and rule.to or cell + rule.cell_seconds + rule.seconds
    if is_period and cell ~= rule.from then
      -- Another period: the last one, or the next of a server whose clock is ahead.
      if cell < 2 * rule.from - rule.to then
        redis.call('HDEL', rule.key, flat[i])
      end
    elseif expiry <= now and not is_period then
      redis.call('HDEL', rule.key, flat[i])
    else
      rule.total = rule.total + amount
      cells[#cells + 1] = { at = cell, amount = amount, expiry = expiry }
    end
  end
  table.sort(cells, function(one, other) return one.at < other.at end)
  return cells
end

for index, key in ipairs(KEYS) do
  local base = 2 + (index - 1) * 8
  local rule = {
    key = key, kind = ARGV[base + 1], amount = tonumber(ARGV[base + 2]), most = tonumber(ARGV[base + 3]),
    seconds = tonumber(ARGV[base + 4]), cell_seconds = tonumber(ARGV[base + 5]),
    from = tonumber(ARGV[base + 6]), to = tonumber(ARGV[base + 7]), begin = ARGV[base + 8], total = 0,
  }
  rule.cells = cells_of(rule)
  if rule.kind == 'period' and #rule.cells == 0 then
    unknown[#unknown + 1] = index - 1
    if begins_are_told then
      redis.call('HSET', key, rule.from, rule.begin)
      redis.call('EXPIRE', key, math.ceil(rule.to - now) + 86400)
      rule.total = tonumber(rule.begin)
      rule.cells = { { at = rule.from, amount = rule.total, expiry = rule.to } }
    end
  end
  rules[index] = rule
end
if #unknown > 0 and not begins_are_told then
  return { 'unknown', tostring(now), unknown }
end

local worst, longest
for index, rule in ipairs(rules) do
  local excess = rule.total + rule.amount - rule.most
  if excess > 0 and rule.amount > 0 then
    local wait
    for _, cell in ipairs(rule.cells) do
      excess = excess - cell.amount
      if excess <= 0 then
        wait = rule.kind == 'lease' and 1 or cell.expiry - now
        break
      end
    end
    if not wait then
      worst, longest = index, 'never'
      break
    end
    if not worst or wait > longest then
      worst, longest = index, wait
    end
  end
end

local function levels()
  local told = {}
  for _, rule in ipairs(rules) do
    local reset = 0
    if rule.total ~= 0 then
      reset = rule.cells[#rule.cells].expiry - now
    end
    told[#told + 1] = tostring(rule.total)
    told[#told + 1] = tostring(reset)
  end
  return told
end

if worst then
  return { 'refused', tostring(now), levels(), worst - 1, tostring(longest) }
end
for _, rule in ipairs(rules) do
  if rule.amount > 0 then
    local cell = rule.from
    if rule.kind ~= 'period' then
      cell = math.floor(now / rule.cell_seconds) * rule.cell_seconds
    end
    -- Whole numbers only: Lua would write a large one with an exponent.
    redis.call('HINCRBY', rule.key, string.format('%d', cell), string.format('%d', rule.amount))
    if rule.kind ~= 'period' then
      redis.call('EXPIRE', rule.key, rule.seconds + 2 * rule.cell_seconds)
    end
    local last = rule.cells[#rule.cells]
    if not last or last.at < cell then
      rule.cells[#rule.cells + 1] = { at = cell, expiry = cell + rule.cell_seconds + rule.seconds }
    end
    rule.total = rule.total + rule.amount
  end
end
return { 'taken', tostring(now), levels() }
