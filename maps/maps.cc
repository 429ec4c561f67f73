#include "maps/maps.h"
