#include "dataplane/api/client.h"
