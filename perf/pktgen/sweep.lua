-- Rates from 10 to 100 % of the line, for the sizes of RFC 2544.
package.path = package.path .. ";perf/pktgen/?.lua"
local common = require "common"

common.prepare()
for _, size in ipairs({64, 128, 256, 512, 1024, 1518}) do
  pktgen.set(common.SEND, "size", size)
  for rate = 10, 100, 10 do
    pktgen.set(common.SEND, "rate", rate)
    common.step(string.format("%4d bytes at %3d %%", size, rate))
  end
end
pktgen.quit()
