#pragma once
// The way of a request through the API: route, token, role, rate limit, contract, handler.
#include <functional>
#include <map>
#include <string>

#include "http/contract.hpp"
#include "http/errors.hpp"
#include "http/message.hpp"
#include "http/rate_limit.hpp"
#include "http/router.hpp"
#include "http/token.hpp"
#include "telemetry/log.hpp"

namespace http {

// What a handler is given: the request, checked against the contract, and who calls. Lives until the handler has returned;
// a streamed answer takes copies along.
struct Call {
  const Request& request;
  const Caller& caller;
  CheckedRequest& input;

  // Members of the body and parameters by the contract's names; the contract has made sure of their types.
  std::string text(std::string_view member, std::string_view fallback = "") const;
  base::json::object object(std::string_view member) const;  // empty when absent
  std::string path(std::string_view parameter) const { return std::string(request.path_value(parameter)); }
  std::string text_parameter(std::string_view name) const;  // "" when absent
  std::int64_t number_parameter(std::string_view name) const;
  bool flag_parameter(std::string_view name) const;
  // The caller's own, to be passed on to who shall act for the same caller; never into a log.
  base::PrivateText token() const;
};

using Operate = std::function<base::Task<Response>(const Call&)>;
// By the operationId of the contract.
using Handlers = std::map<std::string, Operate, std::less<>>;

// Immutable after construction; any thread.
class Api {
 public:
  // Every operation of the contract needs a handler, and every handler an operation: throws Error{internal_error} naming
  // those that have none. All references must outlive this.
  Api(const Contract& contract, Handlers handlers, TokenVerifier& tokens, RateLimiter& limits, telemetry::Log& log);

  // A route beside the contract, open to everybody: the files of a page, say. Before the first request.
  using OpenHandler = std::function<base::Task<Response>(const Request&)>;
  void add_open_route(std::string method, std::string pattern, OpenHandler handler);

  // Throws base::Error for whatever the request does wrong, and what the handler throws.
  base::Task<Response> handle(Request& request) const;

 private:
  struct Endpoint {
    const Operation* operation = nullptr;  // nullptr: outside the contract
    Operate handler;
    OpenHandler open_handler;
  };
  std::shared_ptr<const Caller> authenticate(const Operation& operation, const Request& request) const;

  const Contract& contract_;
  Router<Endpoint> router_;
  TokenVerifier& tokens_;
  RateLimiter& limits_;
  telemetry::Log& log_;
};

}  // namespace http
