#include "vm/elf/elf.h"
