#include "cli/model_probe.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "base/json.hpp"
#include "coaching/topic.hpp"
#include "llm/plan.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace cli {
namespace {

using Steady = std::chrono::steady_clock;

// The offline coach has no words of its own; those of any conversation will do.
const boost::json::value* any_script(const coaching::Topics& topics) {
  for (const auto& topic : topics.all()) {
    if (topic->kind == coaching::TopicKind::conversation) return &topic->offline;
  }
  return nullptr;
}

llm::Request question(const coaching::Topics& topics, const llm::LlmOptions& options) {
  llm::Request request;
  request.purpose = llm::Purpose::initiation;
  request.system =
      base::PrivateText("You are being tested for whether you can be reached. Answer with one short sentence.");
  request.messages = {{llm::Role::user, base::PrivateText("Say hello.")}};
  request.max_tokens = 256;  // some think before they speak
  request.temperature = 0;
  request.timeouts = options.timeouts;
  request.script = any_script(topics);
  return request;
}

base::Milliseconds since(Steady::time_point begin) {
  return std::chrono::duration_cast<base::Milliseconds>(Steady::now() - begin);
}

void call(llm::Provider& provider, const llm::Model& model, const llm::Request& request, ModelProbe& probe) {
  boost::asio::io_context context(1);
  const auto begin = Steady::now();
  bool has_text = false;
  const llm::Sink sink = [&](std::string_view) {
    if (!std::exchange(has_text, true)) probe.first_text = since(begin);
  };
  auto answer = boost::asio::co_spawn(context, provider.complete(request, sink), boost::asio::use_future);
  context.run();
  probe.latency = since(begin);
  const auto reply = answer.get();
  if (reply.text.empty()) probe.error = "it answered with no text; raise its limits or lower its reasoning_effort";
  probe.usage = reply.usage;
  probe.cost_usd = llm::cost_usd(model.price, reply.usage);
}

}  // namespace

ModelProbe probe_model(const llm::Model& model, const llm::LlmOptions& options,
                       const net::ClientOptions& client_options) {
  ModelProbe probe{.model = model.code, .vendor = std::string(base::name_of(model.vendor))};
  if (const auto missing = llm::missing_setting(model, options); !missing.empty()) {
    probe.error = fmt::format("{} has no value; set it", missing);
    return probe;
  }
  const base::SystemClock clock;
  base::SystemRandom random;
  telemetry::Registry metrics;
  telemetry::Log log(STDERR_FILENO, telemetry::Level::error, clock);
  net::HttpClient client(client_options);
  const auto topics = coaching::Topics::load();
  try {
    const auto provider = llm::make_provider(model, options, {client, clock, random, log, metrics});
    call(*provider, model, question(topics, options), probe);
  } catch (const base::Error& error) {
    probe.error = error.message;
  }
  return probe;
}

}  // namespace cli
