#include "vm/helpers/helpers.h"

#include "vm/helpers/groups.h"

namespace weir::vm {

void add_base_helpers(HelperTable& table) {
    add_packet_helpers(table);
    add_checksum_helpers(table);
    add_time_helpers(table);
    add_core_helpers(table);
    add_printk_helpers(table);
}

}  // namespace weir::vm
