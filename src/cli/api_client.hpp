#pragma once
// The HTTP API as the command line sees it: blocking calls, JSON in and out, streams as events.
#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "cli/terminal.hpp"

namespace cli {

// Nothing answers there, or not as this service would.
struct Unreachable : base::Error {
  using Error::Error;
};

// SIGINT came while a call was under way; the call has been given up.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

struct ApiAnswer {
  int status = 0;
  boost::json::value body;  // null when there was none
};

struct ApiEvent {
  std::string type;
  std::string id;
  boost::json::value data;
};

// One thread. Errors of the service are thrown as base::Error with its code and message.
class ApiClient {
 public:
  // "http://127.0.0.1:8000"; an empty token sends no Authorization header. `interrupt` may be nullptr.
  ApiClient(const std::string& base_url, std::string token, const InterruptFlag* interrupt = nullptr);
  ~ApiClient();

  boost::json::value get(std::string_view target);
  boost::json::value post(std::string_view target, const boost::json::value& body);
  boost::json::value put(std::string_view target, const boost::json::value& body);
  // Whatever the status; throws only Unreachable and Interrupted.
  ApiAnswer ask(std::string_view method, std::string_view target, const boost::json::value* body = nullptr);

  // Both read the answer as text/event-stream until it ends. An `error` event is thrown.
  using OnEvent = std::function<void(const ApiEvent& event)>;
  void post_stream(std::string_view target, const boost::json::value& body, std::string_view idempotency_key,
                   const OnEvent& on_event);
  void get_stream(std::string_view target, std::string_view last_event_id, const OnEvent& on_event);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cli
