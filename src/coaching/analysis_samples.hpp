#pragma once
// What to try an analysis with: its example, and requests made up from its schema.
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "coaching/topic.hpp"

namespace coaching {

// nullptr when it has none of that name, or is no object.
const boost::json::value* member(const boost::json::value& value, std::string_view name);

// A request by its schema (without references): `rich` with every field and long texts made of `words`, else with as little
// as the schema allows.
boost::json::value sample_request(const boost::json::value& schema, bool rich, const std::string& words);

// What source `website` gives (coaching/website.hpp).
boost::json::object sample_website(bool rich, const std::string& words);

// What comes from elsewhere than the request, by source: {"website": {…}, "business": {"foundation": …}}. Of example.json
// it is the member `context`, an empty object when there is none.
boost::json::object sample_context(bool rich, const std::string& words);
boost::json::value example_context(const Topic& topic);

// The request, and beside its members each parameter whose source `context` holds: what an analysis works with.
boost::json::value with_context(const Topic& topic, const boost::json::value& request,
                                const boost::json::value& context);

}  // namespace coaching
