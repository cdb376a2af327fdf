// What it takes to gather a context from eight sources at once, and to render a prompt.
//   build/release/context_bench [milliseconds that each source takes]
// Prints milliseconds for all of them (median and worst of 50), and microseconds to render a template of 6 KB.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdlib>
#include <string>

#include "coaching/cache.hpp"
#include "coaching/context.hpp"
#include "coaching/event_hub.hpp"
#include "coaching/http_business.hpp"
#include "coaching/live_job.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/prompt.hpp"
#include "coaching/response_cache.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/webhooks.hpp"
#include "coaching/website.hpp"
#include "llm/scripted.hpp"
#include "store/sqlite.hpp"
#include "store/temporary_folder.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Task;
using Steady = std::chrono::steady_clock;

constexpr int kRounds = 50;
constexpr int kRenders = 20'000;

Task<void> answer_all(tcp::socket socket, base::Milliseconds takes) {
  std::array<char, 16 * 1024> buffer;
  boost::system::error_code failed;
  asio::steady_timer timer(socket.get_executor());
  for (;;) {
    const auto size =
        co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    timer.expires_after(takes);
    co_await timer.async_wait(asio::use_awaitable);
    const std::string_view request(buffer.data(), size);
    const bool object = request.starts_with("GET /user") || request.starts_with("GET /business");
    const std::string body = object ? R"({"data":{"purpose":"Bread that people remember","name":"Ines"}})"
                                    : R"({"data":{"items":[{"title":"A second shop"}]}})";
    const auto answer = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
    co_await asio::async_write(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, failed));
  }
}

Task<void> accept_all(tcp::acceptor& acceptor, base::Milliseconds takes) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), answer_all(std::move(socket), takes), asio::detached);
  }
}

// A topic whose prompt uses all sections and has about 6 KB.
std::shared_ptr<const coaching::Topic> topic_of_all(const coaching::Topics& topics) {
  auto topic = std::make_shared<coaching::Topic>(*topics.find("insights"));
  topic->hash = "bench";
  topic->parameters.push_back({"foundation", "business.foundation", "object", false, nullptr, ""});
  topic->parameters.push_back({"people", "business.people", "list", false, nullptr, ""});
  std::string text =
      "{{user_name}} {{foundation}} {{#goals}}{{.}}{{/goals}} {{#strategies}}{{.}}{{/strategies}} {{#measures}}"
      "{{.}}{{/measures}} {{#actions}}{{.}}{{/actions}} {{#issues}}{{.}}{{/issues}} {{people}}\n";
  while (text.size() < 6'000)
    text += "Ask one good question at a time, and wait for what {{user_name}} says to it before you ask another.\n";
  topic->system = coaching::Template(text, "system.md");
  return topic;
}

double milliseconds_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
}

coaching::ContextPtr gather_once(asio::io_context& io, const coaching::Coaching& coaching,
                                 const std::shared_ptr<const coaching::Topic>& topic) {
  coaching::ContextPtr context;
  bool done = false;
  coaching::ContextRequest request{{"bakery", "ines"}, base::PrivateText("token"), {}, {}};
  asio::co_spawn(io, coaching::gather(coaching, topic, std::move(request)),
                 [&](const std::exception_ptr& failure, coaching::ContextPtr gathered) {
                   if (failure) std::abort();
                   context = std::move(gathered);
                   done = true;
                 });
  while (!done) io.run_one();
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  const base::Milliseconds takes(argc > 1 ? std::atoi(argv[1]) : 20);
  base::SystemClock clock;
  base::SystemRandom random;
  base::Ids ids(clock, random);
  telemetry::Log log(::open("/dev/null", O_WRONLY | O_CLOEXEC), telemetry::Level::error, clock);
  telemetry::Registry metrics;
  store::TemporaryFolder folder;
  asio::io_context io(1);
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(io, accept_all(acceptor, takes), asio::detached);

  store::SqliteOptions file;
  file.path = folder.file("store.db");
  const auto store = store::open_sqlite(file, clock, metrics, log);
  const coaching::CoachingOptions options;
  const llm::LlmOptions llm_options;
  const auto topics = coaching::Topics::load();
  coaching::TopicVersions versions(*store, topics, clock, ids, log);
  llm::ScriptedProvider model;
  coaching::ConversationCache cache(10);
  coaching::ResponseCache responses(1 << 20);
  coaching::LiveTurns live_turns(10);
  coaching::LiveJobs live_jobs(10);
  coaching::ListedTenants tenants;
  coaching::BusinessOptions business_options;
  business_options.base_url = fmt::format("http://127.0.0.1:{}", acceptor.local_endpoint().port());
  net::HttpClient http({}, net::ProxyRules{});
  coaching::HttpBusiness business(business_options, {http, clock, log, metrics});  // nothing is remembered
  const coaching::Websites websites;
  coaching::EventHub events;
  const coaching::Webhooks webhooks({}, false);
  const coaching::Coaching coaching{options,   llm_options, *store,    model,   topics,   versions, cache,
                                    responses, live_turns,  live_jobs, tenants, business, websites, events,
                                    webhooks,  clock,       ids,       random,  log,      metrics};

  const auto topic = topic_of_all(topics);
  auto context = gather_once(io, coaching, topic);  // opens the connections
  if (!context || context->sections.size() != 8 || !context->unavailable.empty()) std::abort();
  std::vector<double> took;
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = Steady::now();
    context = gather_once(io, coaching, topic);
    took.push_back(milliseconds_since(begin));
  }
  std::ranges::sort(took);
  fmt::print("8 sources at {} ms each: {:.1f} ms (median), {:.1f} ms (worst of {})\n", takes.count(), took[kRounds / 2],
             took.back(), kRounds);

  const auto values = coaching::template_values(*topic, coaching::Conversation{}, context.get());
  std::size_t bytes = 0;
  const auto begin = Steady::now();
  for (int i = 0; i < kRenders; ++i) bytes += topic->system.render(values).size();
  fmt::print("a prompt of {} bytes: {:.1f} us to render\n", bytes / kRenders,
             milliseconds_since(begin) * 1e3 / kRenders);
}
