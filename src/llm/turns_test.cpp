#include "llm/turns.hpp"

#include <gtest/gtest.h>

namespace llm {
namespace {

Request of(std::initializer_list<std::pair<Role, const char*>> messages) {
  Request request;
  for (const auto& [role, text] : messages) request.messages.push_back({role, base::PrivateText(text)});
  return request;
}

// "u:a|b/1 a:c/1": role, texts, how many of them are messages.
std::string in_short(const Request& request, std::string_view guidance = "") {
  std::string out;
  for (const auto& turn : alternating_turns(request, guidance)) {
    out += out.empty() ? "" : " ";
    out += turn.role == Role::user ? "u:" : "a:";
    for (const auto text : turn.texts) out.append(text).append("|");
    out.back() = '/';
    out += std::to_string(turn.messages);
  }
  return out;
}

TEST(Turns, PutTheGuidanceLast) {
  EXPECT_EQ(in_short(of({{Role::user, "a"}}), "g"), "u:a|g/1");
  EXPECT_EQ(in_short(of({{Role::user, "a"}, {Role::assistant, "b"}}), "g"), "u:a/1 a:b/1 u:g/0");
  EXPECT_EQ(in_short(of({}), "g"), "u:g/0");
}

TEST(Turns, MergeNeighboursAndLeaveOutWhatIsEmpty) {
  EXPECT_EQ(in_short(of({{Role::user, "a"}, {Role::user, "b"}, {Role::assistant, ""}, {Role::user, "c"}})),
            "u:a|b|c/3");
  EXPECT_EQ(in_short(of({{Role::user, "a"}, {Role::assistant, "b"}, {Role::assistant, "c"}, {Role::user, "d"}})),
            "u:a/1 a:b|c/2 u:d/1");
}

TEST(Turns, LetTheUserBeginAndEnd) {
  EXPECT_EQ(in_short(of({{Role::assistant, "a"}, {Role::user, "b"}})), "u:(The conversation begins.)/0 a:a/1 u:b/1");
  EXPECT_EQ(in_short(of({{Role::user, "a"}, {Role::assistant, "b"}})), "u:a/1 a:b/1 u:(Please go on.)/0");
  EXPECT_EQ(in_short(of({})), "u:(The conversation begins.)/0");
}

}  // namespace
}  // namespace llm
