#include "http/contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <mutex>

#include "http/media.hpp"

namespace http {

using base::Code;
using base::Error;
using base::json::object;
using base::json::value;

struct Contract::Parameter {
  std::string name;
  std::string key;   // how it stands in a Request: header names in lower case
  std::string type;  // of its schema: string, integer, number, boolean
  bool required = false;
  std::optional<value> default_value;
  base::Schema schema;
};

struct Contract::Rules {
  std::vector<Parameter> path;
  std::vector<Parameter> query;
  std::vector<Parameter> header;
  std::optional<base::Schema> body;
  std::vector<std::string> trimmed;  // members of the body
};

struct Contract::Slot {
  std::once_flag once;
  std::unique_ptr<Rules> rules;
};

namespace {

constexpr std::array<std::string_view, 7> kMethods{"get", "put", "post", "delete", "options", "head", "patch"};

[[noreturn]] void broken(std::string message) {
  throw Error(Code::internal_error, "in the contract: " + std::move(message));
}

std::string text_of(const object& node, std::string_view name, std::string_view otherwise = "") {
  const auto* found = node.if_contains(name);
  return std::string(found != nullptr && found->is_string() ? std::string_view(found->get_string()) : otherwise);
}

bool flag_of(const object& node, std::string_view name) {
  const auto* found = node.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

// Follows one $ref, so that a response or a parameter can stand anywhere in the document.
const object& target(const value& node, const value& document) {
  const auto* members = node.if_object();
  if (members == nullptr) broken("an object is wanted where there is none");
  const auto reference = text_of(*members, "$ref");
  if (reference.empty()) return *members;
  base::json::error_code failed;
  const auto* found = document.find_pointer(std::string_view(reference).substr(1), failed);
  if (found == nullptr || !found->is_object()) broken(fmt::format("the reference {} leads nowhere", reference));
  return found->get_object();
}

std::vector<std::string> produced_media(const object& operation, const value& document) {
  std::vector<std::string> media;
  const auto* responses = operation.if_contains("responses");
  if (responses == nullptr) return media;
  for (const auto& response : responses->as_object()) {
    if (!response.key().starts_with('2')) continue;
    const auto* content = target(response.value(), document).if_contains("content");
    if (content == nullptr) continue;
    for (const auto& one : content->as_object()) {
      if (std::find(media.begin(), media.end(), one.key()) == media.end()) media.emplace_back(one.key());
    }
  }
  return media;
}

Operation read_operation(std::string_view path, std::string_view method, const object& node, const value& document) {
  Operation operation;
  operation.id = text_of(node, "operationId");
  operation.path = path;
  for (const char c : method) operation.method += static_cast<char>(c - 'a' + 'A');
  if (operation.id.empty()) broken(fmt::format("{} {} has no operationId", operation.method, path));
  operation.is_public = flag_of(node, "x-public");
  operation.role = text_of(node, "x-role", operation.is_public ? "" : "user");
  operation.rate_class = rate_class_from(text_of(node, "x-rate-limit", "default"));
  operation.produces = produced_media(node, document);
  if (const auto* body = node.if_contains("requestBody")) {
    operation.has_body = true;
    operation.body_required = flag_of(target(*body, document), "required");
  }
  return operation;
}

const value* body_schema(const object& node, const value& document) {
  const auto* body = node.if_contains("requestBody");
  if (body == nullptr) return nullptr;
  const auto* content = target(*body, document).if_contains("content");
  const auto* json = content == nullptr ? nullptr : content->as_object().if_contains("application/json");
  return json == nullptr ? nullptr : json->as_object().if_contains("schema");
}

std::vector<std::string> trimmed_members(const value& schema) {
  std::vector<std::string> trimmed;
  const auto* rules = schema.if_object();
  const auto* properties = rules == nullptr ? nullptr : rules->if_contains("properties");
  if (properties == nullptr) return trimmed;
  for (const auto& property : properties->as_object()) {
    if (property.value().is_object() && flag_of(property.value().get_object(), "x-trim"))
      trimmed.emplace_back(property.key());
  }
  return trimmed;
}

// A parameter's text as its schema's type; a string where it is none of that type, for the schema to refuse.
value parse_parameter(std::string_view text, std::string_view type) {
  if (type == "boolean" && (text == "true" || text == "false")) return text == "true";
  const auto number = [&]<class Number>(Number parsed) -> value {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (failed != std::errc() || end != text.data() + text.size()) return value(text);
    return parsed;
  };
  if (type == "integer") return number(std::int64_t{0});
  if (type == "number") {
    const auto parsed = number(0.0);
    return parsed.is_double() && !std::isfinite(parsed.get_double()) ? value(text)
                                                                     : parsed;  // "nan" is no number of ours
  }
  return value(text);
}

// What stands in an URL is text, so 'it is a string' would explain nothing.
void explain_as_text(std::vector<base::Fault>& faults) {
  for (auto& fault : faults) {
    const auto at = fault.message.find("; it is a string");
    if (at != std::string::npos) fault.message.resize(at);
  }
}

Code code_of_missing(std::string_view parameter) {
  if (parameter == "conversation_id") return Code::conversation_not_found;
  if (parameter == "analysis_id") return Code::analysis_not_found;
  if (parameter == "topic_id" || parameter == "topic") return Code::topic_not_found;
  if (parameter == "job_id") return Code::job_not_found;
  return Code::not_found;
}

std::string_view noun_of(Code code) {
  switch (code) {
    case Code::conversation_not_found: return "conversation";
    case Code::analysis_not_found: return "analysis";
    case Code::topic_not_found: return "topic";
    case Code::job_not_found: return "job";
    default: return "resource";
  }
}

const std::string* header_of(const Request& request, std::string_view name) {
  for (const auto& [key, text] : request.headers) {
    if (key == name) return &text;
  }
  return nullptr;
}

value parse_body(const Request& request) {
  try {
    return base::parse_json(request.body);
  } catch (const Error& error) {
    throw Error(error.code, fmt::format("The body cannot be read: {}.", error.message));
  }
}

[[noreturn]] void refuse(const std::vector<base::Fault>& faults) {
  const auto message =
      faults.size() == 1
          ? fmt::format("The {} {}.", faults.front().field == "body" ? "body" : "field " + faults.front().field,
                        faults.front().message)
          : fmt::format("{} things are wrong with the request; details lists them.", faults.size());
  throw Error(Code::validation_error, message, base::to_json(faults));
}

}  // namespace

Contract::Contract(std::string_view openapi) {
  base::json::error_code failed;
  document_ = base::json::parse(openapi, failed, base::json::make_shared_resource<base::json::monotonic_resource>());
  const auto* paths = failed || !document_.is_object() ? nullptr : document_.get_object().if_contains("paths");
  if (paths == nullptr || !paths->is_object()) broken("it is no OpenAPI document in JSON");
  for (const auto& path : paths->get_object()) {
    for (const auto& member : path.value().as_object()) {
      if (std::find(kMethods.begin(), kMethods.end(), member.key()) == kMethods.end()) continue;
      operations_.push_back(read_operation(path.key(), member.key(), member.value().as_object(), document_));
      operations_.back().index = operations_.size() - 1;
    }
  }
  slots_ = std::make_unique<Slot[]>(operations_.size());
}

Contract::~Contract() = default;

const Operation* Contract::find(std::string_view operation_id) const {
  const auto found =
      std::find_if(operations_.begin(), operations_.end(), [&](const auto& one) { return one.id == operation_id; });
  return found == operations_.end() ? nullptr : &*found;
}

const Operation* Contract::find(std::string_view method, std::string_view path) const {
  const auto found =
      std::ranges::find_if(operations_, [&](const auto& one) { return one.method == method && one.path == path; });
  return found == operations_.end() ? nullptr : &*found;
}

const Contract::Rules& Contract::rules_of(const Operation& operation) const {
  auto& slot = slots_[operation.index];
  std::call_once(slot.once, [&] { slot.rules = compile(operation); });
  return *slot.rules;
}

void Contract::compile_all() const {
  for (const auto& operation : operations_) rules_of(operation);
}

std::unique_ptr<Contract::Rules> Contract::compile(const Operation& operation) const {
  auto rules = std::make_unique<Rules>();
  const auto& path = document_.at("paths").at(operation.path).as_object();
  const auto& node = path.at(base::to_lower(operation.method)).as_object();
  for (const auto* owner : {&path, &node}) {
    const auto* parameters = owner->if_contains("parameters");
    if (parameters == nullptr) continue;
    for (const auto& one : parameters->as_array()) {
      const auto& described = target(one, document_);
      auto schema = base::resolve_references(described.at("schema"), document_);
      const auto& members = schema.as_object();
      const auto where = text_of(described, "in");
      const auto name = text_of(described, "name");
      const auto* fallback = members.if_contains("default");
      Parameter parameter{.name = name,
                          .key = where == "header" ? base::to_lower(name) : name,
                          .type = text_of(members, "type", "string"),
                          .required = flag_of(described, "required"),
                          .default_value = fallback == nullptr ? std::nullopt : std::optional(*fallback),
                          .schema = base::Schema(schema)};
      auto& list = where == "path" ? rules->path : where == "query" ? rules->query : rules->header;
      list.push_back(std::move(parameter));
    }
  }
  if (const auto* schema = body_schema(node, document_)) {
    auto resolved = base::resolve_references(*schema, document_);
    rules->trimmed = trimmed_members(resolved);
    rules->body.emplace(std::move(resolved));
  }
  return rules;
}

namespace {

// The value of one parameter, or its faults. `text` is null when the request does not have it.
template <class Parameter>
std::vector<base::Fault> take_parameter(const Parameter& parameter, const std::string* text, object& into) {
  if (text == nullptr) {
    if (parameter.default_value) into.emplace(parameter.name, *parameter.default_value);
    if (parameter.required) return {{parameter.name, "is missing"}};
    return {};
  }
  auto parsed = parse_parameter(*text, parameter.type);
  std::vector<base::Fault> faults;
  if (text->find('\0') != std::string::npos || !base::is_utf8(*text)) {
    faults.push_back({parameter.name, "must be text in UTF-8 without the character U+0000"});
  } else {
    faults = parameter.schema.faults(parsed, parameter.name);
    explain_as_text(faults);
  }
  if (faults.empty()) into.emplace(parameter.name, std::move(parsed));
  return faults;
}

template <class Parameters>
void take_path(const Parameters& parameters, const Request& request, object& into) {
  for (const auto& parameter : parameters) {
    const std::string* text = nullptr;
    for (const auto& [name, found] : request.path_parameters) {
      if (name == parameter.key) text = &found;
    }
    if (take_parameter(parameter, text, into).empty()) continue;
    // What cannot be an id answers like one that does not exist: there is one thing less to learn from trying.
    const auto code = code_of_missing(parameter.name);
    throw Error(code, fmt::format("There is no {} with this id.", noun_of(code)));
  }
}

template <class Parameters>
void take_headers(const Parameters& parameters, const Request& request, object& into) {
  for (const auto& parameter : parameters) {
    const auto faults = take_parameter(parameter, header_of(request, parameter.key), into);
    if (faults.empty()) continue;
    throw Error(Code::bad_request, fmt::format("The header {} {}.", parameter.name, faults.front().message));
  }
}

template <class Parameters>
void check_query_names(const Parameters& parameters, const Request& request, std::vector<base::Fault>& faults) {
  std::vector<std::string> known;
  known.reserve(parameters.size());
  for (const auto& parameter : parameters) known.push_back(parameter.name);
  for (const auto& [name, text] : request.query) {
    if (faults.size() >= base::kMaxFaults) return;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = name.size() <= 64 ? base::nearest(name, known) : "";
    faults.push_back({base::is_utf8(name) ? std::string(base::prefix_bytes(name, 64)) : "query",
                      meant.empty() ? fmt::format("is not a known parameter; allowed are {}", fmt::join(known, ", "))
                                    : fmt::format("is not a known parameter; did you mean {}?", meant)});
  }
}

template <class Parameters>
void take_query(const Parameters& parameters, const Request& request, object& into, std::vector<base::Fault>& faults) {
  if (parameters.empty()) return;
  for (const auto& parameter : parameters) {
    const std::string* text = nullptr;
    bool twice = false;
    for (const auto& [name, found] : request.query) {
      if (name != parameter.key) continue;
      twice = text != nullptr;
      text = &found;
    }
    if (twice) faults.push_back({parameter.name, "is given more than once"});
    auto found = take_parameter(parameter, text, into);
    std::move(found.begin(), found.end(), std::back_inserter(faults));
  }
  check_query_names(parameters, request, faults);
}

// True when there is a body to look at; throws when there has to be one, or it is not declared as JSON.
bool wants_body(const Operation& operation, const Request& request) {
  if (!operation.has_body) return false;
  if (request.body.empty()) {
    if (!operation.body_required) return false;
    if (header_of(request, "content-length") == nullptr && header_of(request, "transfer-encoding") == nullptr) {
      throw Error(Code::length_required, "Send a Content-Length header, or the body in chunks.");
    }
    throw Error(Code::bad_request, "This needs a body of JSON; there is none.");
  }
  const auto* type = header_of(request, "content-type");
  if (type == nullptr || !is_json(*type)) {
    throw Error(Code::unsupported_media_type, "Send JSON, with Content-Type: application/json.");
  }
  return true;
}

void trim_members(value& body, const std::vector<std::string>& names) {
  auto* members = body.if_object();
  if (members == nullptr) return;
  for (const auto& name : names) {
    auto* member = members->if_contains(name);
    if (member == nullptr || !member->is_string()) continue;
    auto& text = member->get_string();
    const auto kept = base::trim(text);
    if (kept.size() != text.size()) text = base::json::string(kept);
  }
}

std::string_view acceptable_media(const Operation& operation, const Request& request) {
  const auto* accept = header_of(request, "accept");
  const auto media = choose_media(accept == nullptr ? "" : *accept, operation.produces);
  if (media) return *media;
  throw Error(Code::not_acceptable, fmt::format("This answers {}.", fmt::join(operation.produces, " or ")),
              object{{"available", base::to_json(operation.produces)}});
}

}  // namespace

CheckedRequest Contract::check(const Operation& operation, const Request& request) const {
  const auto& rules = rules_of(operation);
  CheckedRequest input;
  take_path(rules.path, request, input.parameters);
  input.media = acceptable_media(operation, request);
  take_headers(rules.header, request, input.parameters);
  const bool has_body = wants_body(operation, request);
  std::vector<base::Fault> faults;
  take_query(rules.query, request, input.parameters, faults);
  if (has_body && rules.body) {
    input.body = parse_body(request);
    base::find_nul(input.body, "", faults);
    trim_members(input.body, rules.trimmed);
    auto found = rules.body->faults(input.body);
    std::move(found.begin(), found.end(), std::back_inserter(faults));
  }
  if (!faults.empty()) refuse(faults);
  return input;
}

}  // namespace http
