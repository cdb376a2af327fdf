#include "base/schema.hpp"

#include <boost/json.hpp>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace base {
namespace {

// valijson gives the way to the value as {"<root>", "[values]", "[2]", "[name]"}.
std::string field_of(const std::vector<std::string>& context) {
  std::string field;
  for (const auto& step : context) {
    if (step == "<root>" || step.size() < 2) continue;
    const auto name = step.substr(1, step.size() - 2);
    if (name.find_first_not_of("0123456789") == std::string::npos) {
      field += "[" + name + "]";
    } else {
      field += (field.empty() ? "" : ".") + name;
    }
  }
  return field;
}

}  // namespace

struct Schema::Compiled {
  valijson::Schema schema;
};

Schema::Schema(const json::value& document) : compiled_(std::make_unique<Compiled>()) {
  try {
    valijson::SchemaParser parser;
    valijson::adapters::BoostJsonAdapter adapter(document);
    parser.populateSchema(adapter, compiled_->schema);
  } catch (const std::exception& fault) {
    throw Error(Code::validation_error, std::string("not a JSON Schema: ") + fault.what());
  }
}

Schema::~Schema() = default;
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;

std::vector<SchemaFault> Schema::check(const json::value& value) const {
  valijson::Validator validator;
  valijson::ValidationResults results;
  valijson::adapters::BoostJsonAdapter adapter(value);
  std::vector<SchemaFault> faults;
  if (validator.validate(compiled_->schema, adapter, &results)) return faults;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) faults.push_back({field_of(error.context), error.description});
  return faults;
}

}  // namespace base
