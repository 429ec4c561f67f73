-- A flood: of every packet 24 bits of the source address and the source port are new. Masks are of 32 bits from an offset in the
-- frame: 0 and 1 stay so, X is random.
package.path = package.path .. ";perf/pktgen/?.lua"
local common = require "common"

local SOURCE_ADDRESS, SOURCE_PORT = 26, 34
common.prepare()
pktgen.set(common.SEND, "size", 64)
pktgen.rnd(common.SEND, 0, SOURCE_ADDRESS, "00001010XXXXXXXXXXXXXXXXXXXXXXXX") -- 10.0.0.0/8
pktgen.rnd(common.SEND, 1, SOURCE_PORT, "XXXXXXXXXXXXXXXX................")
for rate = 10, 100, 10 do
  pktgen.set(common.SEND, "rate", rate)
  common.step(string.format("random at %3d %%", rate))
end
pktgen.quit()
