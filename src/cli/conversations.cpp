#include "cli/conversations.hpp"

#include <fmt/format.h>

#include <thread>

namespace cli {
namespace {

constexpr std::string_view kPath = "/api/v1/conversations";
constexpr base::Milliseconds kLookAgain{200};

std::string path_of(std::string_view id, std::string_view action = "") {
  return fmt::format("{}/{}{}{}", kPath, id, action.empty() ? "" : "/", action);
}

struct Listed {
  std::vector<ConversationView> conversations;
  bool has_more = false;
};
BOOST_DESCRIBE_STRUCT(Listed, (), (conversations, has_more))

}  // namespace

ConversationView Conversations::initiate(std::string_view topic) {
  return base::from_json<ConversationView>(api_.post(fmt::format("{}/initiate", kPath), {{"topic", topic}}));
}

ConversationView Conversations::get(std::string_view id) {
  return base::from_json<ConversationView>(api_.get(path_of(id)));
}

std::optional<ConversationView> Conversations::open_one(std::string_view topic) {
  Listed listed;
  for (int page = 1; page == 1 || listed.has_more; ++page) {
    const auto target = fmt::format("{}/?page={}&page_size=100&active_only=true", kPath, page);
    listed = base::from_json<Listed>(api_.get(target));
    for (auto& conversation : listed.conversations) {
      const bool open = conversation.status == "active" || conversation.status == "paused";
      if (open && (topic.empty() || conversation.topic == topic)) return std::move(conversation);
    }
  }
  return std::nullopt;
}

TurnAnswer Conversations::say(std::string_view id, std::string_view text,
                              const std::function<void(std::string_view)>& on_delta) {
  TurnAnswer answer;
  const auto on_event = [&](std::string_view type, const base::json::value& data) {
    if (type == "delta") {
      on_delta(data.at("text").as_string());
    } else if (type == "message") {
      base::read_json(data, answer);
    }
  };
  api_.post_stream(path_of(id, "message"), {{"user_message", text}}, ids_.next("cli"), on_event);
  if (answer.ai_response.empty()) {
    throw Unreachable(base::Code::dependency_unavailable,
                      "the stream ended before the reply was complete; your message is kept, `purposepath chat` goes on");
  }
  return answer;
}

TurnAnswer Conversations::resume(std::string_view id) {
  return base::from_json<TurnAnswer>(api_.post(path_of(id, "resume"), base::json::object()));
}

void Conversations::pause(std::string_view id) { api_.post(path_of(id, "pause"), base::json::object()); }

ConversationView Conversations::complete(std::string_view id, base::Milliseconds patience) {
  api_.post(path_of(id, "complete"), base::json::object());
  const auto until = clock_.now() + patience;
  auto conversation = get(id);
  while (conversation.status == "completing" && clock_.now() < until) {
    std::this_thread::sleep_for(kLookAgain);
    conversation = get(id);
  }
  return conversation;
}

}  // namespace cli
