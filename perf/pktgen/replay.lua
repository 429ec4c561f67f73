-- A capture in a loop; Pktgen reads it at its start (-s 0:FILE).
package.path = package.path .. ";perf/pktgen/?.lua"
local common = require "common"

common.prepare()
pktgen.pcap(common.SEND, "on")
for rate = 10, 100, 10 do
  pktgen.set(common.SEND, "rate", rate)
  common.step(string.format("replay at %3d %%", rate))
end
pktgen.pcap(common.SEND, "off")
pktgen.quit()
