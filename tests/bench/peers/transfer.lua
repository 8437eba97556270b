-- One transfer: KEYS the idempotency record, payer, payee; ARGV the amount, the seconds that the record is kept.
-- Returns the payer's balance. A history is a list, newest first.
local stored = redis.call('GET', KEYS[1])
if stored then
  return stored
end
local amount = tonumber(ARGV[1])
local balance = tonumber(redis.call('GET', KEYS[2]) or '-1')
if balance < amount then
  return redis.error_reply('INSUFFICIENT_FUNDS')
end
local from_balance = redis.call('DECRBY', KEYS[2], amount)
local to_balance = redis.call('INCRBY', KEYS[3], amount)
redis.call('SET', KEYS[1], from_balance, 'EX', ARGV[2])
redis.call('LPUSH', 'h' .. KEYS[2], KEYS[1] .. ' -' .. amount .. ' ' .. from_balance)
redis.call('LPUSH', 'h' .. KEYS[3], KEYS[1] .. ' ' .. amount .. ' ' .. to_balance)
return from_balance
