#include "coaching/summary.hpp"

#include <fstream>

#include "coaching/prompt.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"
#include "llm/offline.hpp"
#include "llm/openai_wire.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using namespace std::chrono_literals;

constexpr std::string_view kNote = "- Her bakery is called Morgenrot.";

struct SummaryTest : testing::Test, World {
  SummaryTest() {
    options.window_tokens = 200;
    options.summary_tokens = 60;
    first->model.on_complete = [this](const llm::Request& request, const llm::Sink& sink) {
      return answer(request, sink);
    };
  }

  Task<llm::Reply> answer(const llm::Request& request, const llm::Sink& sink) {
    if (request.purpose != llm::Purpose::summary) {
      if (request.purpose == llm::Purpose::reply) replies.push_back(request);
      co_return first->model.answer(request, sink, "And what did that show you about yourself?");
    }
    summaries.push_back(request);
    if (hold) co_await hold->wait();
    if (summary_fails) throw Error(Code::llm_unavailable, "the model is away");
    auto reply = first->model.answer(request, sink, summary_says);
    reply.finish_reason = summary_ends;
    co_return reply;
  }

  void talk(const std::string& id, int from, int to) {
    for (int i = from; i < to; ++i) {
      say(id, "This is message number " + std::to_string(i) + " of a long conversation about bread.");
      if (!hold) finish_summary(id);
    }
  }
  // Until the summary that the record waits for is stored, or its job has failed.
  void finish_summary(const std::string& id) {
    for (int i = 0; i < 1000 && is_being_made(id); ++i) run(later());
  }
  bool is_being_made(const std::string& id) {
    const auto job = stored(id).summary_job;
    if (!job) return false;
    const auto item = run(store->get(job_key(*job)));
    if (!item) return false;
    const auto record = record_of<Job>(*item);
    return record.status == JobStatus::processing || (record.status == JobStatus::pending && record.attempts == 0);
  }
  static Task<> later() {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  std::vector<Summary> stored_summaries(const std::string& id) {
    store::Query query;
    query.partition = conversation_key(id).partition;
    query.from = "summary#";
    query.to = "summary$";
    std::vector<Summary> found;
    for (const auto& item : run(store->query(query)).items) found.push_back(record_of<Summary>(item));
    return found;
  }
  double counted(const std::string& outcome) {
    return metrics.counter("purposepath_jobs_total", "", {{"kind", "summary"}, {"outcome", outcome}}).value();
  }

  std::string summary_says{kNote};
  llm::FinishReason summary_ends = llm::FinishReason::stop;
  bool summary_fails = false;
  llm::Gate* hold = nullptr;
  std::vector<llm::Request> replies;
  std::vector<llm::Request> summaries;
};

TEST_F(SummaryTest, StandsForWhatHasLeftTheWindow) {
  const auto id = start().conversation_id;
  talk(id, 0, 30);
  ASSERT_FALSE(summaries.empty());
  const auto& last = replies.back();
  EXPECT_NE(last.summary.reveal().find(kNote), std::string::npos);
  EXPECT_EQ(last.messages.front().role, llm::Role::user);
  // Without a gap: the first message sent is the first that the summary leaves out.
  const auto now = stored(id);
  const auto all = messages(id);
  const auto known = stored_summaries(id);
  const auto in_use = std::ranges::find(known, now.summary_number, &Summary::number);
  ASSERT_NE(in_use, known.end());
  EXPECT_EQ(in_use->up_to, now.window_start);
  EXPECT_EQ(last.messages.front().content, all.at(static_cast<std::size_t>(in_use->up_to)).content);
  EXPECT_EQ(in_use->model, "scripted-1");
}

TEST_F(SummaryTest, IsMadeOfTheOneBeforeAndOfTheMessagesSince) {
  const auto id = start().conversation_id;
  talk(id, 0, 30);
  ASSERT_GT(summaries.size(), 2u);
  EXPECT_TRUE(summaries[0].summary.empty());
  EXPECT_NE(summaries[1].summary.reveal().find(kNote), std::string::npos);
  std::vector<llm::Message> told;
  for (const auto& request : summaries) told.insert(told.end(), request.messages.begin(), request.messages.end());
  const auto all = messages(id);
  ASSERT_LE(told.size(), all.size());
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].content, all[i].content) << i;
}

TEST_F(SummaryTest, NeverOverwritesAnOlderVersion) {
  const auto id = start().conversation_id;
  for (int i = 0; i < 30; ++i) {
    summary_says = "- Version of message " + std::to_string(i) + ".";
    talk(id, i, i + 1);
  }
  const auto all = stored_summaries(id);
  ASSERT_GT(all.size(), 2u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].number, static_cast<std::int64_t>(i) + 1);
    if (i > 0) {
      EXPECT_GT(all[i].up_to, all[i - 1].up_to);
      EXPECT_NE(all[i].text, all[i - 1].text);
    }
  }
}

TEST_F(SummaryTest, IsWaitedForWithTheOldMessagesUpToTwiceTheBudget) {
  llm::Gate gate;
  hold = &gate;
  const auto id = start().conversation_id;
  std::size_t most = 0;
  bool moved = false;
  for (int i = 0; i < 24 && !moved; ++i) {
    talk(id, i, i + 1);
    std::int64_t tokens = 0;
    for (const auto& message : replies.back().messages) tokens += 4 + count_message(message.content.reveal());
    EXPECT_LE(tokens, 2 * options.window_tokens + 40) << i;  // and the message that was just said
    moved = replies.back().messages.size() < most;
    most = std::max(most, replies.back().messages.size());
  }
  EXPECT_TRUE(moved);
  EXPECT_GT(most, 12u);  // it was kept beyond the budget of 200 tokens, some 8 messages
  gate.open();
  hold = nullptr;
  finish_summary(id);
  talk(id, 24, 40);
  // What the window lost meanwhile is covered by now.
  const auto now = stored(id);
  EXPECT_EQ(stored_summaries(id).at(static_cast<std::size_t>(now.summary_number) - 1).up_to, now.window_start);
}

TEST_F(SummaryTest, ThatFailsIsTriedAgainAndFailsNoTurn) {
  summary_fails = true;
  const auto id = start().conversation_id;
  talk(id, 0, 9);
  EXPECT_EQ(messages(id).size(), 19u);
  EXPECT_GT(counted("postponed"), 0);
  EXPECT_TRUE(stored_summaries(id).empty());
  summary_fails = false;
  clock.advance(10min);
  run(sweep(first->coaching, false));
  for (int i = 0; i < 1000 && stored_summaries(id).empty(); ++i) run(later());
  EXPECT_EQ(stored_summaries(id).size(), 1u);
  talk(id, 9, 10);
  EXPECT_NE(replies.back().summary.reveal().find(kNote), std::string::npos);
}

TEST_F(SummaryTest, ThatIsRefusedIsNoneAndNotAskedForAgain) {
  const auto id = start().conversation_id;
  summary_ends = llm::FinishReason::refusal;
  talk(id, 0, 8);
  EXPECT_TRUE(stored_summaries(id).empty());
  EXPECT_EQ(summaries.size(), 1u);
  EXPECT_EQ(counted("failed"), 1);
}

TEST_F(SummaryTest, ThatIsTooLongIsCutAfterAWholeLine) {
  summary_says.clear();
  for (int i = 0; i < 40; ++i) summary_says += "- Fact number " + std::to_string(i) + " is a fact.\n";
  const auto id = start().conversation_id;
  talk(id, 0, 9);
  const auto text = stored_summaries(id).at(0).text.reveal();
  EXPECT_LE(count_message(text), options.summary_tokens);
  EXPECT_TRUE(text.starts_with("- Fact number 0 is a fact.\n"));
  EXPECT_TRUE(text.ends_with(" is a fact."));
}

TEST_F(SummaryTest, IsErasedWithItsConversation) {
  const auto id = start().conversation_id;
  talk(id, 0, 12);
  ASSERT_FALSE(stored_summaries(id).empty());
  run(delete_conversation(first->coaching, owner, id));
  EXPECT_TRUE(stored_summaries(id).empty());
}

TEST_F(SummaryTest, ThatIsBeingMadeWhenItsConversationIsErasedIsNotStored) {
  llm::Gate gate;
  hold = &gate;
  const auto id = start().conversation_id;
  talk(id, 0, 9);
  drive([&] { return gate.arrived() > 0; });
  run(delete_conversation(first->coaching, owner, id));
  gate.open();
  drive([&] { return counted("lost") > 0; });
  store::Query query;
  query.partition = conversation_key(id).partition;
  EXPECT_TRUE(run(store->query(query)).items.empty());
}

TEST_F(SummaryTest, SurvivesARestart) {
  const auto id = start().conversation_id;
  talk(id, 0, 12);
  first->cache.drop(id);
  talk(id, 12, 13);
  EXPECT_NE(replies.back().summary.reveal().find(kNote), std::string::npos);
}

// What a provider's cache sees: the request's bytes up to this turn's guidance.
std::string serialised(llm::Request request) {
  request.guidance = {};
  const auto body = llm::chat_request_body({.model = "m", .token_parameter = "max_tokens"}, request, true);
  return body.substr(0, body.find("],\"max_"));
}

TEST_F(SummaryTest, ChangesTheBeginningOfThePromptRarelyAndOnlyWhenTheWindowMoves) {
  options.window_tokens = 500;
  const auto id = start().conversation_id;
  talk(id, 0, 58);
  ASSERT_EQ(replies.size(), 58u);
  int moved = 0;
  for (std::size_t i = 1; i < replies.size(); ++i) {
    const bool same_window = replies[i].messages.front().content == replies[i - 1].messages.front().content;
    const auto before = serialised(replies[i - 1]);
    const auto after = serialised(replies[i]);
    EXPECT_EQ(after.starts_with(before), same_window) << i;
    EXPECT_EQ(replies[i].system, replies[0].system);
    if (!same_window) ++moved;
  }
  // Half of 500 tokens are free after a move, a turn takes some 30.
  EXPECT_GE(moved, 3);
  EXPECT_LE(moved, 58 / 7);
  EXPECT_EQ(moved, stored(id).summary_number);
  RecordProperty("moved", moved);
}

TEST_F(SummaryTest, MessagesKnowTheirTokens) {
  const auto id = start().conversation_id;
  talk(id, 0, 1);
  for (const auto& message : messages(id)) {
    EXPECT_GT(message.tokens, 0);
    EXPECT_EQ(message.tokens, count_message(message.content.reveal()));
  }
}

TEST_F(SummaryTest, PromptsAboveTheBudgetAreCounted) {
  const auto over = [&] {
    return metrics.counter("purposepath_prompts_over_budget_total", "", {{"topic", "core_values"}}).value();
  };
  const auto id = start().conversation_id;
  talk(id, 0, 3);
  EXPECT_EQ(over(), 0);
  options.request_tokens = 500;  // the system text alone has more
  talk(id, 3, 5);
  EXPECT_EQ(over(), 2);
}

// The offline coach makes its own summaries and reads them again: with a window of a few messages it holds the same
// conversation as with all of them.
struct OfflineSummary : SummaryTest, testing::WithParamInterface<const char*> {
  OfflineSummary() {
    options.assessment = AssessmentMode::model;
    first->model.on_complete = [this](const llm::Request& request, const llm::Sink& sink) {
      if (request.purpose == llm::Purpose::summary) summaries.push_back(request);
      return offline->complete(request, sink);
    };
  }
  base::json::value result_with_window(std::int64_t tokens) {
    options.window_tokens = tokens;
    options.summary_tokens = 700;
    const auto id = start(GetParam()).conversation_id;
    std::ifstream in(std::string("examples/transcripts/") + GetParam() + "_1.txt");
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      last = say(id, line)->content.reveal();
      finish_summary(id);
    }
    run(complete_conversation(first->coaching, owner, id, {}));
    const auto now = stored(id);
    EXPECT_EQ(now.status, Status::completed) << now.review_reason;
    return now.result;
  }
  std::unique_ptr<llm::Provider> offline = llm::make_offline_coach();
  std::string last;
};

TEST_P(OfflineSummary, KeepsWhatTheWindowLost) {
  const auto whole = result_with_window(0);
  const auto whole_end = last;
  EXPECT_TRUE(summaries.empty());
  const auto narrow = result_with_window(400);
  ASSERT_GT(summaries.size(), 1u);
  EXPECT_EQ(last, whole_end);
  EXPECT_EQ(base::write_json(narrow), base::write_json(whole));
  for (const auto& summary : summaries) EXPECT_NE(summary.messages.size(), 0u);
}
INSTANTIATE_TEST_SUITE_P(All, OfflineSummary, testing::Values("core_values", "purpose", "vision", "goals"));

}  // namespace
}  // namespace coaching
