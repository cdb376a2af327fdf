#pragma once
// The answers of a Business API as they come, brought into the one form that coaching reads. No I/O.
#include <string>
#include <string_view>

#include "coaching/business.hpp"

namespace coaching {

// Wrapped in `data` not at all, once or twice; a list plain or under `items`; names in camelCase or in snake_case, which
// is what comes out. null when `data` is. `one`: a single goal of the list. Throws Error{dependency_unavailable} for what
// is not JSON (a page, say) or not of that form; never repeats any of it.
base::json::value read_business_answer(BusinessSection section, bool one, std::string_view body);

// "coreValues" -> "core_values", "KPIName" -> "kpi_name"; what is no plain name stays as it is.
std::string to_snake_case(std::string_view name);

// "/goals", "/user/profile"; with the id of one goal "/goals/{id}", percent-encoded.
std::string business_target(BusinessSection section, std::string_view id);

}  // namespace coaching
