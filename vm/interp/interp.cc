#include "vm/interp/interp.h"
