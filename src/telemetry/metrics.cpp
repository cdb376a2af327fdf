#include "telemetry/metrics.hpp"
