// What rendering a prompt costs, with topics as they are: rows for the table in README.md.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "coaching/prompt.hpp"
#include "coaching/topic.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kTargetMicros = 30;

void measure(const std::string& name, const coaching::Template& prompt, const base::json::value& values) {
  const auto begin = Clock::now();
  std::size_t bytes = 0;
  std::int64_t count = 0;
  for (; Clock::now() - begin < std::chrono::seconds(1); ++count) bytes += prompt.render(values).size();
  const auto micros = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  fmt::print("| `{}`, {:.1f} KB | {:.0f} µs | {:.1f} µs |\n", name,
             static_cast<double>(bytes) / 1000.0 / static_cast<double>(count), kTargetMicros,
             micros / static_cast<double>(count));
}

const coaching::Topic& topic_of(const coaching::Topics& topics, std::string_view id) {
  const auto topic = topics.find(id);
  if (!topic) throw base::Error(base::Code::topic_not_found, fmt::format("the binary has no topic {}", id));
  return *topic;
}

base::json::value values_of(const coaching::Topic& topic) {
  coaching::Conversation conversation;
  conversation.user_name = base::PrivateText("Ines");
  if (topic.example.is_object()) conversation.context = topic.example.at("request").as_object();
  return template_values(topic, conversation, nullptr);
}

}  // namespace

int main() {
  const auto topics = coaching::Topics::load();
  fmt::print("| prompt | target | measured |\n|---|---|---|\n");
  const auto& long_one = topic_of(topics, "core_values");
  measure("core_values/system.md", long_one.system, values_of(long_one));
  const auto& lists = topic_of(topics, "optimize_action_plan");  // sections and lists
  measure("optimize_action_plan/instruction.md", lists.extraction, values_of(lists));
}
