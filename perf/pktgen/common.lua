-- What the profiles share: port 0 sends, port 1 receives what Weir let through; one line per step.
package.path = package.path .. ";?.lua;Pktgen.lua"
require "Pktgen"

local common = {}
common.SEND, common.RECEIVE = "0", "1"
common.SECONDS = tonumber(os.getenv("SECONDS") or "10")
common.SETTLE_MS = 2000

local function packets()
  local sent = pktgen.portStats("all", "port")[0]
  local received = pktgen.portStats("all", "port")[1]
  return sent.opackets, received.ipackets
end

function common.prepare()
  pktgen.stop("all")
  pktgen.clr()
  pktgen.set_mac(common.SEND, "dst", os.getenv("DESTINATION_MAC") or "02:00:00:00:00:02")
  pktgen.set_proto(common.SEND, "udp")
  pktgen.set(common.SEND, "count", 0)
  pktgen.delay(common.SETTLE_MS)
end

-- Sends for SECONDS and prints what came through.
function common.step(name)
  local sent_before, received_before = packets()
  pktgen.start(common.SEND)
  pktgen.delay(common.SECONDS * 1000)
  pktgen.stop(common.SEND)
  pktgen.delay(common.SETTLE_MS) -- what is on its way
  local sent_after, received_after = packets()
  local sent, received = sent_after - sent_before, received_after - received_before
  local loss = sent > 0 and (sent - received) * 100 / sent or 0
  printf("%-24s offered %9.3f Mpps   received %9.3f Mpps   loss %8.4f %%\n", name,
    sent / common.SECONDS / 1e6, received / common.SECONDS / 1e6, loss)
end

return common
