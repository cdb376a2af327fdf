#include "base/async.hpp"
