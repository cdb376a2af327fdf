#include "cli/conversations.hpp"

#include <fmt/format.h>

#include <thread>

namespace cli {
namespace {

constexpr std::string_view kPath = "/api/v1/conversations";
constexpr base::Milliseconds kLookAgain{200};
constexpr int kPages = 5;  // of a hundred conversations each, looked through for an open one
constexpr int kTries = 4;  // of a stream that breaks off

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
  // Not active_only, which leaves out what is paused.
  for (int page = 1; page == 1 || (listed.has_more && page <= kPages); ++page) {
    const auto target = fmt::format("{}/?page={}&page_size=100", kPath, page);
    listed = base::from_json<Listed>(api_.get(target));
    for (auto& conversation : listed.conversations) {
      const bool open = conversation.status == "active" || conversation.status == "paused";
      if (open && (topic.empty() || conversation.topic == topic)) return std::move(conversation);
    }
  }
  return std::nullopt;
}

// A stream that breaks off is read on where it ended; before the turn's id is known, the message is sent again under
// the same key, which runs nothing twice.
TurnAnswer Conversations::say(std::string_view id, std::string_view text,
                              const std::function<void(std::string_view)>& on_delta) {
  TurnAnswer answer;
  std::string turn_id;
  std::string last_event_id;
  const auto on_event = [&](const ApiEvent& event) {
    last_event_id = event.id;
    if (event.type == "accepted") {
      turn_id = event.data.at("turn_id").as_string();
    } else if (event.type == "delta") {
      on_delta(event.data.at("text").as_string());
    } else if (event.type == "message") {
      base::read_json(event.data, answer);
    }
  };
  const auto key = ids_.next("cli");
  const auto ask = [&] {
    if (turn_id.empty()) {
      api_.post_stream(path_of(id, "message"), {{"user_message", text}}, key, on_event);
    } else {
      api_.get_stream(path_of(id, fmt::format("turns/{}/events", turn_id)), last_event_id, on_event);
    }
  };
  for (int tried = 1; answer.ai_response.empty(); ++tried) {
    try {
      ask();
    } catch (const Unreachable&) {
      if (tried == kTries) throw;
    }
    if (answer.ai_response.empty() && tried == kTries) {
      throw Unreachable(base::Code::dependency_unavailable,
                        "the reply broke off; your message is kept, and "
                        "`purposepath chat` goes on where you stopped");
    }
    if (answer.ai_response.empty()) std::this_thread::sleep_for(kLookAgain * tried);
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
