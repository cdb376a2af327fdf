#pragma once
// One call through the router: try, wait, try again, go on to the next model.
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <span>

#include "llm/upstream.hpp"
#include "telemetry/tracer.hpp"

namespace llm {

// Lives as long as the call; not for several threads. All references must outlive it.
class RoutedCall {
 public:
  RoutedCall(const LlmOptions& options, const ProviderDependencies& deps, const Request& request, const Sink& sink);
  ~RoutedCall() {
    request_.timeouts.total = total_;
    request_.trace = trace_;
  }
  RoutedCall(const RoutedCall&) = delete;
  RoutedCall& operator=(const RoutedCall&) = delete;

  // The answer of the first model of the chain that has one. Throws the failure that says most.
  base::Task<Reply> run(std::span<Upstream* const> chain);

 private:
  using Steady = std::chrono::steady_clock;

  base::Task<std::optional<Reply>> ask(Upstream& upstream, bool has_fallback);
  base::Task<std::optional<Reply>> try_once(Upstream& upstream, base::Milliseconds waited);
  base::Task<std::optional<Reply>> make_call(Upstream& upstream, Try& tried);
  base::Task<std::optional<Lane::Place>> place_at(Upstream& upstream, Try& tried);
  std::optional<base::Milliseconds> wait_before_retry(Upstream& upstream, int failures, bool has_fallback);
  void turned_away(Try& tried, std::string_view reason, std::string message, std::optional<base::Milliseconds> after);
  void failed(Try& tried, const base::Error& error);
  void finish(Upstream& upstream, Reply& reply);
  void report(const Upstream& upstream, const Reply* reply);
  void log(const Upstream& upstream, const Reply* reply) const;

  bool is_over() const { return streamed_ || remedy_ == Remedy::none || !time_left(); }
  bool time_left() const { return total_.count() <= 0 || left() > base::Milliseconds(0); }
  base::Milliseconds left() const;  // of the total; meaningless without one

  const LlmOptions& options_;
  const ProviderDependencies& deps_;
  const Request& request_;
  const Sink& sink_;
  const base::Milliseconds total_;
  const telemetry::Trace trace_;
  const Steady::time_point begin_;
  std::int64_t prompt_tokens_;  // estimated now: the texts may be gone later
  Trail own_trail_;
  Trail& trail_;
  std::size_t first_try_;  // of this call in the trail
  telemetry::Span span_;
  bool streamed_ = false;
  Steady::time_point first_text_{};
  Remedy remedy_ = Remedy::retry;
  std::optional<base::Error> failure_;
  bool failure_is_real_ = false;  // a model failed, and did not just have no place
};

}  // namespace llm
