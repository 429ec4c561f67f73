#include "vm/helpers/helpers.h"
