-- One stream of many flows: sources, ports and sizes step through ranges.
package.path = package.path .. ";perf/pktgen/?.lua"
local common = require "common"

common.prepare()
pktgen.range.ip_proto(common.SEND, "udp")
pktgen.range.src_ip(common.SEND, "start", "198.18.0.0")
pktgen.range.src_ip(common.SEND, "min", "198.18.0.0")
pktgen.range.src_ip(common.SEND, "max", "198.18.255.255")
pktgen.range.src_ip(common.SEND, "inc", "0.0.0.1")
pktgen.range.dst_ip(common.SEND, "start", "198.19.0.1")
pktgen.range.dst_ip(common.SEND, "min", "198.19.0.1")
pktgen.range.dst_ip(common.SEND, "max", "198.19.0.1")
pktgen.range.dst_ip(common.SEND, "inc", "0.0.0.0")
pktgen.range.dst_port(common.SEND, "start", 1024)
pktgen.range.dst_port(common.SEND, "min", 1024)
pktgen.range.dst_port(common.SEND, "max", 1087)
pktgen.range.dst_port(common.SEND, "inc", 1)
pktgen.range.pkt_size(common.SEND, "start", 64)
pktgen.range.pkt_size(common.SEND, "min", 64)
pktgen.range.pkt_size(common.SEND, "max", 1518)
pktgen.range.pkt_size(common.SEND, "inc", 1)
pktgen.set_range(common.SEND, "on")
for rate = 10, 100, 10 do
  pktgen.set(common.SEND, "rate", rate)
  common.step(string.format("ranges at %3d %%", rate))
end
pktgen.set_range(common.SEND, "off")
pktgen.quit()
