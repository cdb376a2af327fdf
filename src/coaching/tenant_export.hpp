#pragma once
// Everything that is stored of a tenant, as lines of JSON: to hand it over, or to take it elsewhere.
#include <functional>
#include <string>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "store/store.hpp"

namespace coaching {

// Takes whole lines; false when whoever wanted them is gone.
using ExportSink = std::function<base::Task<bool>(std::string lines)>;

// The first line is {"kind":"export", "tenant_id", "exported_at", "format":1}, each further one {"kind", …, "data"}, and
// the last one {"kind":"end", "lines"}: without it the export was cut off. docs/export.md lists the kinds. What is written
// meanwhile may be in it or not; each line by itself is whole. Throws Error{dependency_unavailable}.
base::Task<> export_tenant(store::Store& store, std::string tenant_id, base::Time now, ExportSink sink);

}  // namespace coaching
