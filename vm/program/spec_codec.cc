#include "vm/program/spec.h"
