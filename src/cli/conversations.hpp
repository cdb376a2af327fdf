#pragma once
// The conversation endpoints of the contract, typed as far as the chat needs them.
#include <boost/describe.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/json.hpp"
#include "cli/api_client.hpp"

namespace cli {

struct ChatMessage {
  std::string role;  // user, assistant
  std::string content;
};
BOOST_DESCRIBE_STRUCT(ChatMessage, (), (role, content))

struct ConversationView {
  std::string conversation_id;
  std::string topic;
  std::string status;
  std::string current_phase;
  double progress = 0;
  std::string initial_message;                // only from initiate
  std::vector<ChatMessage> messages;          // only of a single conversation
  std::vector<std::string> insights;          // likewise
  std::vector<std::string> identified_values;  // likewise
  base::json::value result;                   // null until it is completed
};
BOOST_DESCRIBE_STRUCT(ConversationView, (),
                      (conversation_id, topic, status, current_phase, progress, initial_message, messages, insights,
                       identified_values, result))

struct TurnAnswer {
  std::string ai_response;
  std::string current_phase;
  double progress = 0;
  bool is_complete = false;
};
BOOST_DESCRIBE_STRUCT(TurnAnswer, (), (ai_response, current_phase, progress, is_complete))

class Conversations {
 public:
  explicit Conversations(ApiClient& api) : api_(api) {}

  ConversationView initiate(std::string_view topic);
  ConversationView get(std::string_view id);
  // The newest active or paused one, of that topic or ("") of any.
  std::optional<ConversationView> open_one(std::string_view topic);
  // `on_delta` gets the reply as it comes.
  TurnAnswer say(std::string_view id, std::string_view text, const std::function<void(std::string_view)>& on_delta);
  TurnAnswer resume(std::string_view id);
  void pause(std::string_view id);
  // Asks for the result and waits until it is there, or it is clear that there will be none, or `patience` is over.
  ConversationView complete(std::string_view id, base::Milliseconds patience = base::Milliseconds(90'000));

 private:
  ApiClient& api_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  base::Ids ids_{clock_, random_};
};

}  // namespace cli
