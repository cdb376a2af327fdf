#pragma once
// A provider for tests: answers what the test tells it, when the test lets it.
//
//   llm::ScriptedProvider model;
//   model.answers = {"Hello.", "And then?"};                      // one after the other, the last one again and again
//   model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> base::Task<llm::Reply> {
//     co_await gate.wait();                                       // holds the answer back until gate.open()
//     throw base::Error(base::Code::llm_unavailable, "down");
//   };
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "llm/provider.hpp"

namespace llm {

// Coroutines wait until it is open; then it stays open. Any thread may open it, any may wait. A wait that is cancelled
// throws, as every Asio wait does.
class Gate {
 public:
  base::Task<void> wait() {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto timer = enter(executor);
    if (!timer) co_return;
    boost::system::error_code woken;
    co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    if (!is_open()) throw boost::system::system_error(woken);
  }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    for (const auto& timer : waiting_) boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); });
    waiting_.clear();
  }

  bool is_open() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }

  int arrived() const {  // how many have come to wait so far
    const std::lock_guard lock(mutex_);
    return arrived_;
  }

 private:
  std::shared_ptr<boost::asio::steady_timer> enter(const boost::asio::any_io_executor& executor) {
    const std::lock_guard lock(mutex_);
    ++arrived_;
    if (open_) return nullptr;
    const auto forever = boost::asio::steady_timer::time_point::max();
    return waiting_.emplace_back(std::make_shared<boost::asio::steady_timer>(executor, forever));
  }

  mutable std::mutex mutex_;
  bool open_ = false;
  int arrived_ = 0;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

// Set the public members before the first call. Calls may come from any thread.
class ScriptedProvider : public Provider {
 public:
  std::vector<std::string> answers{"Tell me more."};
  // When set it is asked instead of `answers`; the number of the call (from 0) is seen().size() - 1.
  std::function<base::Task<Reply>(const Request&, const Sink&)> on_complete;
  std::function<base::Task<Health>()> on_health;
  std::string model = "scripted-1";
  double usd_per_token = 0;

  // What a call asked, copied, because a Request holds references.
  struct Seen {
    Purpose purpose;
    std::string model;
    std::string system;
    std::vector<Message> messages;
    int max_tokens;
    bool streamed;
    bool with_schema;
    std::string current_phase;
    std::string summary;
    std::string guidance;
  };

  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  std::string_view name() const override { return "scripted"; }
  std::string_view default_model() const override { return model; }

  base::Task<Reply> complete(const Request& request, const Sink& sink) override {
    const auto number = record(request, static_cast<bool>(sink));
    if (on_complete) co_return co_await on_complete(request, sink);
    co_return answer(request, sink, answers.at(std::min(number, answers.size() - 1)));
  }

  base::Task<Health> health() override {
    if (on_health) co_return co_await on_health();
    co_return Health{};
  }

  Quote quote(const Request& request) const override {
    auto quote = Provider::quote(request);
    quote.most_usd = usd_per_token * static_cast<double>(quote.most_tokens);
    return quote;
  }

  // A finished answer of that text with plausible usage, its words given to the sink one by one.
  Reply answer(const Request& request, const Sink& sink, const std::string& text) const {
    Reply reply;
    reply.text = base::PrivateText(text);
    reply.usage.prompt_tokens = estimate_tokens(request.system.reveal());
    for (const auto& message : request.messages) reply.usage.prompt_tokens += estimate_tokens(message.content.reveal());
    reply.usage.completion_tokens = estimate_tokens(text);
    reply.model = request.model.empty() ? model : request.model;
    reply.cost_usd = usd_per_token * static_cast<double>(reply.usage.prompt_tokens + reply.usage.completion_tokens);
    for (std::size_t begin = 0; sink && begin < text.size();) {
      const auto end = std::min(text.find(' ', begin), text.size() - 1) + 1;
      sink(std::string_view(text).substr(begin, end - begin));
      begin = end;
    }
    return reply;
  }

 private:
  std::size_t record(const Request& request, bool streamed) {
    const std::lock_guard lock(mutex_);
    seen_.push_back({request.purpose, request.model, request.system.reveal(), request.messages, request.max_tokens,
                     streamed, request.schema != nullptr, request.current_phase, request.summary.reveal(),
                     request.guidance.reveal()});
    return seen_.size() - 1;
  }

  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
};

}  // namespace llm
