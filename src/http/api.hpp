#pragma once
// The way of a request through the API: route, token, role, rate limit, contract, handler.
#include <functional>
#include <map>
#include <string>

#include "http/contract.hpp"
#include "http/message.hpp"
#include "http/rate_limit.hpp"
#include "http/router.hpp"
#include "http/token.hpp"

namespace http {

// By the operationId of the contract.
using Handlers = std::map<std::string, Handler, std::less<>>;

// Immutable after construction; any thread.
class Api {
 public:
  // Every operation of the contract needs a handler, and every handler an operation: throws Error{internal_error} naming
  // those that have none. All references must outlive this.
  Api(const Contract& contract, Handlers handlers, TokenVerifier& tokens, RateLimiter& limits);

  // Throws base::Error for whatever the request does wrong, and what the handler throws.
  base::Task<Response> handle(Request& request) const;

 private:
  struct Endpoint {
    const Operation* operation = nullptr;
    Handler handler;
    RateClass rate_class = RateClass::none;
  };
  std::shared_ptr<const Caller> authenticate(const Request& request) const;

  Router<Endpoint> router_;
  TokenVerifier& tokens_;
  RateLimiter& limits_;
};

}  // namespace http
