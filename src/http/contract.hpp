#pragma once
// The contract at work: the operations that the OpenAPI document describes, and the check of a request against them.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "http/message.hpp"
#include "http/rate_limit.hpp"

namespace http {

struct Operation {
  std::string id;      // operationId: "send_message"
  std::string method;  // "POST"
  std::string path;    // "/api/v1/conversations/{conversation_id}/message"
  std::string role;    // x-role: who may call; empty for a public one
  RateClass rate_class = RateClass::default_;  // x-rate-limit
  bool is_public = false;                      // x-public: no token needed
  bool has_body = false;
  bool body_required = false;
  std::vector<std::string> produces;  // media types of the 2xx answers, in the document's order; empty for a 204
  std::size_t index = 0;              // in Contract::operations()
};

// A request that has been checked.
struct CheckedRequest {
  base::json::value body;         // null when there is none
  base::json::object parameters;  // path, query and header, by the contract's names and types, defaults filled in
  std::string_view media;         // the one of Operation::produces to answer with
};

// Any thread. Schemas are compiled when an operation is first called (about 0.1 ms).
class Contract {
 public:
  // `openapi` is the document as JSON. Throws Error{internal_error} when it cannot be used.
  explicit Contract(std::string_view openapi);
  ~Contract();

  const std::vector<Operation>& operations() const { return operations_; }
  const Operation* find(std::string_view operation_id) const;  // nullptr when there is none
  const Operation* find(std::string_view method, std::string_view path) const;

  // Everything about the request that the contract fixes; `request.path_parameters` are the router's. Throws
  // - 404 (the code of what the parameter names) for a path parameter that cannot be an id,
  // - not_acceptable, unsupported_media_type, length_required,
  // - bad_request for a malformed header, and for a body that is not JSON in UTF-8,
  // - validation_error with all faults of query and body at once as [{field, message}].
  // A query parameter that an operation with query parameters does not know is a fault; an operation without any
  // ignores the query. A string whose schema says x-trim comes back without white space at its ends, and is measured so.
  CheckedRequest check(const Operation& operation, const Request& request) const;

  // Compiles all schemas, to find what is wrong with the document: for tests and `config check`.
  void compile_all() const;

 private:
  struct Parameter;
  struct Rules;
  const Rules& rules_of(const Operation& operation) const;
  std::unique_ptr<Rules> compile(const Operation& operation) const;

  base::json::value document_;
  std::vector<Operation> operations_;
  struct Slot;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace http
