#include "vm/verifier/verifier.h"
