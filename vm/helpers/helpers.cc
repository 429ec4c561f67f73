#include "vm/helpers/helpers.h"

#include "vm/helpers/groups.h"

namespace weir::vm {

void add_base_helpers(HelperTable& table) {
    add_packet_helpers(table);
    add_skb_helpers(table);
    add_checksum_helpers(table);
    add_fib_helpers(table);
    add_socket_helpers(table);
    add_cookie_helpers(table);
    add_time_helpers(table);
    add_timer_helpers(table);
    add_core_helpers(table);
    add_loop_helpers(table);
    add_print_helpers(table);
    add_string_helpers(table);
    add_dynptr_helpers(table);
    add_metadata_kfuncs(table);
}

}  // namespace weir::vm
