#include "coaching/jobs.hpp"

#include "coaching/analysis.hpp"
#include "coaching/audit.hpp"
#include "coaching/job_access.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/raw_answers.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using namespace std::chrono_literals;

constexpr std::string_view kResult = R"({
  "scores": {"overall_score": 70, "purpose_alignment": 80, "values_alignment": 60, "goal_clarity": 50},
  "overall_assessment": "The text names whom it is for.", "strengths": ["Names the baker."],
  "misalignments": [], "recommendations": [{"action": "Set a date.", "priority": "high", "rationale": "It has none."}]})";

struct Jobs : testing::Test, World {
  Jobs() { first->model.answers = {std::string(kResult)}; }

  static AnalysisRequest request(std::string key = "") {
    AnalysisRequest request;
    request.topic = "alignment";
    request.tier = "free";
    request.input = {{"text_to_analyze", "We bake bread that people remember."}};
    request.idempotency_key = std::move(key);
    return request;
  }
  AnalysisAnswer ask(AnalysisRequest request) { return run(run_analysis(first->coaching, owner, std::move(request))); }
  Job ask_async(std::string key = "") {
    auto asked = request(std::move(key));
    asked.respond_async = true;
    return ask(std::move(asked)).job.value();
  }
  // Holds the model back until the gate is open.
  void hold(llm::Gate& gate) {
    first->model.on_complete = [this, &gate](const llm::Request& asked, const llm::Sink& sink) -> Task<llm::Reply> {
      co_await gate.wait();
      co_return first->model.answer(asked, sink, std::string(kResult));
    };
  }
  void fail_with(Code code) {
    first->model.on_complete = [code](const llm::Request&, const llm::Sink&) -> Task<llm::Reply> {
      throw Error(code, "as the test wants it");
      co_return llm::Reply{};
    };
  }
  void answer_again() { first->model.on_complete = {}; }
  Job job(const std::string& id) { return run(find_job(first->coaching, owner, id)); }
  void settle_down() { settle_down(*first); }
  void settle_down(Instance& instance) {
    drive([&] { return instance.live_jobs.size() == 0; });
  }
  // Asks the store again and again; other coroutines go on meanwhile.
  template <class Holds>
  void until(Holds holds) {
    for (int i = 0; i < 10'000; ++i) {
      if (holds()) return;
      run(later());
    }
    FAIL() << "it did not come to that";
  }
  static Task<> later() {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  void until_done(const std::string& id) {
    for (int i = 0; i < 100 && !is_done(job(id)); ++i) {
      clock.advance(10min);
      run(sweep(first->coaching, false));
      settle_down();
    }
  }
  std::int64_t analyses() { return run(list_analyses(first->coaching, owner, "", 1, 20)).total; }
  bool has_input(const std::string& id) { return run(store->get(job_input_key(id))).has_value(); }
  double counted(const std::string& kind, const std::string& outcome) {
    return metrics.counter("purposepath_jobs_total", "", {{"kind", kind}, {"outcome", outcome}}).value();
  }
};

TEST_F(Jobs, MakeAnAnalysisThatNobodyWaitsFor) {
  llm::Gate gate;
  hold(gate);
  const auto asked = ask_async();
  EXPECT_EQ(asked.status, JobStatus::pending);
  drive([&] { return gate.arrived() == 1; });
  EXPECT_EQ(job(asked.job_id).status, JobStatus::processing);
  EXPECT_TRUE(has_input(asked.job_id));
  EXPECT_EQ(analyses(), 0);
  gate.open();
  settle_down();
  const auto done = job(asked.job_id);
  EXPECT_EQ(done.status, JobStatus::completed);
  EXPECT_EQ(done.attempts, 1);
  const auto made = run(find_analysis(first->coaching, owner, done.reference));
  EXPECT_EQ(made->result, base::parse_json(kResult));
  EXPECT_FALSE(has_input(asked.job_id));
}

TEST_F(Jobs, RefuseWhatIsWrongBeforeTheyAreThere) {
  auto wrong = request();
  wrong.respond_async = true;
  wrong.input = {{"text_to_analyze", "short"}};
  EXPECT_EQ(error_of([&] { ask(wrong); }), Code::validation_error);
  wrong.topic = "nonsense";
  EXPECT_EQ(error_of([&] { ask(wrong); }), Code::topic_not_found);
  EXPECT_EQ(run(list_jobs(first->coaching, owner, 1, 20)).total, 0);
}

TEST_F(Jobs, AreNotTakenOnWhenABudgetIsUsedUp) {
  options.budgets.user.day_tokens = 100'000;
  ask(request());
  options.budgets.user.day_tokens = 10;
  EXPECT_EQ(error_of([&] { ask_async(); }), Code::quota_exceeded);
  EXPECT_EQ(run(list_jobs(first->coaching, owner, 1, 20)).total, 0);
}

TEST_F(Jobs, AreTheSameForTheSameKey) {
  llm::Gate gate;
  hold(gate);
  const auto asked = ask_async("key-1");
  EXPECT_EQ(ask_async("key-1").job_id, asked.job_id);
  EXPECT_EQ(ask(request("key-1")).job.value().job_id, asked.job_id) << "also for one who would wait";
  auto other = request("key-1");
  other.input = {{"text_to_analyze", "We bake bread that people forget."}};
  EXPECT_EQ(error_of([&] { ask(other); }), Code::idempotency_mismatch);
  gate.open();
  settle_down();
  EXPECT_EQ(ask_async("key-1").status, JobStatus::completed);
  EXPECT_EQ(ask(request("key-1")).analysis->analysis_id, asked.reference);
  EXPECT_EQ(analyses(), 1);
}

TEST_F(Jobs, AreWhatARequestBecomesThatTakesTooLong) {
  llm::Gate gate;
  hold(gate);
  options.analysis.wait = 1ms;
  const auto late = ask(request("key-1"));
  ASSERT_TRUE(late.job);
  EXPECT_EQ(late.job->status, JobStatus::processing);
  EXPECT_EQ(job(late.job->job_id).status, JobStatus::processing);
  EXPECT_EQ(ask(request("key-1")).job.value().job_id, late.job->job_id);
  gate.open();
  settle_down();
  EXPECT_EQ(job(late.job->job_id).status, JobStatus::completed);
  EXPECT_EQ(ask(request("key-1")).analysis->analysis_id, late.job->reference);
  EXPECT_EQ(first->model.seen().size(), 1u) << "nothing is asked twice";
  EXPECT_EQ(analyses(), 1);
  EXPECT_FALSE(has_input(late.job->job_id));
}

TEST_F(Jobs, AreNotWhatARequestIsThatIsAnsweredInTime) {
  EXPECT_TRUE(ask(request("key-1")).analysis);
  store::Query all;
  for (const auto& partition : {std::string(kJobs), done_jobs(owner.tenant_id)}) {
    all.partition = partition;
    EXPECT_TRUE(run(store->query_index(all)).items.empty());
  }
  EXPECT_EQ(run(list_jobs(first->coaching, owner, 1, 20)).total, 0);
}

TEST_F(Jobs, GoOnInAnotherProcessWhenARequestHadBecomeOne) {
  llm::Gate never;
  hold(never);
  options.analysis.wait = 1ms;
  const auto late = ask(request("key-1")).job.value();
  clock.advance(options.job_lease + 1ms);
  const auto second = make_instance();
  second->model.answers = {std::string(kResult)};
  run(sweep(second->coaching, false));
  settle_down(*second);
  EXPECT_EQ(job(late.job_id).status, JobStatus::completed);
  EXPECT_EQ(job(late.job_id).attempts, 2);
  never.open();
  settle_down();
  EXPECT_EQ(analyses(), 1);
  EXPECT_EQ(counted("analysis", "lost"), 1);
  EXPECT_EQ(ask(request("key-1")).analysis->analysis_id, late.reference);
}

TEST_F(Jobs, KeepTheirLeaseWhileTheyAreAtWork) {
  llm::Gate gate;
  hold(gate);
  const auto asked = ask_async();
  drive([&] { return gate.arrived() == 1; });
  const auto second = make_instance();
  for (int i = 0; i < 10; ++i) {
    clock.advance(options.job_lease / 2);
    run(sweep(first->coaching, false));
    until([&] { return job(asked.job_id).due_at == clock.now() + options.job_lease; });
    run(sweep(second->coaching, false));
  }
  EXPECT_EQ(second->live_jobs.size(), 0u);
  gate.open();
  settle_down();
  EXPECT_EQ(job(asked.job_id).status, JobStatus::completed);
  EXPECT_EQ(job(asked.job_id).attempts, 1);
}

TEST_F(Jobs, AreTriedAgainAfterABackoffAndFailInTheEnd) {
  fail_with(Code::llm_unavailable);
  const auto asked = ask_async("key-1");
  settle_down();
  const auto waiting = job(asked.job_id);
  EXPECT_EQ(waiting.status, JobStatus::pending);
  EXPECT_EQ(waiting.error, "llm_unavailable");
  EXPECT_GT(waiting.due_at, clock.now());
  run(sweep(first->coaching, false));
  settle_down();
  EXPECT_EQ(job(asked.job_id).attempts, 1) << "not before its time";
  until_done(asked.job_id);
  const auto failed = job(asked.job_id);
  EXPECT_EQ(failed.status, JobStatus::failed);
  EXPECT_EQ(failed.attempts, options.job_attempts);
  EXPECT_EQ(counted("analysis", "postponed"), static_cast<double>(options.job_attempts - 1));
  answer_again();
  EXPECT_TRUE(ask(request("key-1")).analysis) << "its key may be used again";
}

TEST_F(Jobs, FailAtOnceWhenNoRetryHelps) {
  first->model.answers = {"no", "no"};
  const auto asked = ask_async();
  settle_down();
  EXPECT_EQ(job(asked.job_id).status, JobStatus::failed);
  EXPECT_EQ(job(asked.job_id).error, "llm_error");
  EXPECT_EQ(job(asked.job_id).attempts, 1);
  const auto kept = run(list_raw_answers(*store, owner.tenant_id, 10));
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].reference, asked.reference);
}

TEST_F(Jobs, ThatAreNotDoneInTimeExpire) {
  fail_with(Code::llm_unavailable);
  const auto asked = ask_async();
  settle_down();
  clock.advance(options.job_expiry);
  answer_again();
  run(sweep(first->coaching, false));
  settle_down();
  EXPECT_EQ(job(asked.job_id).status, JobStatus::failed);
  EXPECT_EQ(job(asked.job_id).error, "expired");
  EXPECT_EQ(first->model.seen().size(), 1u);
  EXPECT_FALSE(has_input(asked.job_id));
}

TEST_F(Jobs, ThatAreDoneCanBeSeenForAWhile) {
  const auto asked = ask_async();
  settle_down();
  clock.advance(options.job_retention - 1s);
  EXPECT_EQ(job(asked.job_id).status, JobStatus::completed);
  EXPECT_EQ(run(list_jobs(first->coaching, owner, 1, 20)).total, 1);
  clock.advance(2s);
  EXPECT_EQ(error_of([&] { job(asked.job_id); }), Code::job_not_found);
  EXPECT_EQ(run(list_jobs(first->coaching, owner, 1, 20)).total, 0);
  EXPECT_TRUE(run(find_analysis(first->coaching, owner, asked.reference)));
}

TEST_F(Jobs, ThatAreCancelledLeaveNothingBehind) {
  llm::Gate never;
  hold(never);
  const auto asked = ask_async("key-1");
  drive([&] { return never.arrived() == 1; });
  const Owner other{"bakery", "otto"};
  EXPECT_EQ(error_of([&] { run(cancel_job(first->coaching, other, asked.job_id)); }), Code::job_not_found);
  run(cancel_job(first->coaching, owner, asked.job_id));
  settle_down();
  EXPECT_EQ(job(asked.job_id).status, JobStatus::failed);
  EXPECT_EQ(job(asked.job_id).error, "cancelled");
  EXPECT_FALSE(has_input(asked.job_id));
  EXPECT_EQ(analyses(), 0);
  EXPECT_EQ(error_of([&] { run(cancel_job(first->coaching, owner, asked.job_id)); }), Code::conflict);
  EXPECT_EQ(error_of([&] { run(retry_job(first->coaching, owner, "", asked.job_id)); }), Code::conflict)
      << "its input is gone";
  answer_again();
  EXPECT_TRUE(ask(request("key-1")).analysis);
}

TEST_F(Jobs, ThatFailedAreTriedAgainByAnAdministrator) {
  fail_with(Code::llm_unavailable);
  options.job_attempts = 1;
  const auto asked = ask_async();
  settle_down();
  ASSERT_EQ(job(asked.job_id).status, JobStatus::failed);
  const Owner ada{"bakery", "ada"};
  EXPECT_EQ(error_of([&] { run(retry_job(first->coaching, ada, "brewery", asked.job_id)); }), Code::job_not_found);
  EXPECT_EQ(run(retry_job(first->coaching, ada, "bakery", asked.job_id)).status, JobStatus::pending);
  answer_again();
  run(sweep(first->coaching, false));
  settle_down();
  EXPECT_EQ(job(asked.job_id).status, JobStatus::completed);
  EXPECT_FALSE(has_input(asked.job_id));
  EXPECT_EQ(error_of([&] { run(retry_job(first->coaching, ada, "", asked.job_id)); }), Code::conflict);
  const auto audit = run(newest_audit(*store, {.tenant_id = "bakery"}, 10));
  ASSERT_EQ(audit.size(), 1u);
  EXPECT_EQ(audit[0].act, "job.retry");
  EXPECT_EQ(audit[0].subject, asked.job_id);
}

TEST_F(Jobs, ArePutBackWhenTheProcessGoesDown) {
  llm::Gate never;
  hold(never);
  const auto asked = ask_async();
  drive([&] { return never.arrived() == 1; });
  first->live_jobs.close();
  for (const auto& live : first->live_jobs.all()) live->interrupt(Error(Code::shutting_down, "going down"));
  settle_down();
  const auto waiting = job(asked.job_id);
  EXPECT_EQ(waiting.status, JobStatus::pending);
  EXPECT_EQ(waiting.attempts, 0);
  const auto second = make_instance();
  second->model.answers = {std::string(kResult)};
  run(sweep(second->coaching, false));
  settle_down(*second);
  EXPECT_EQ(job(asked.job_id).status, JobStatus::completed);
}

TEST_F(Jobs, BeyondThePlacesWaitForOne) {
  llm::Gate gate;
  hold(gate);
  const std::size_t places = first->live_jobs.free_places();
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < places + 5; ++i) {
    auto asked = request();
    asked.fresh = asked.respond_async = true;  // else they would wait for one answer
    ids.push_back(ask(asked).job.value().job_id);
  }
  drive([&] { return gate.arrived() == static_cast<int>(places); });
  EXPECT_EQ(first->live_jobs.size(), places);
  gate.open();
  until([&] { return std::ranges::all_of(ids, [&](const auto& id) { return is_done(job(id)); }); });
  EXPECT_EQ(analyses(), std::ssize(ids));
}

TEST_F(Jobs, OfAConversationThatIsErasedAreErasedToo) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  llm::Gate never;
  hold(never);
  options.complete_wait = 1ms;
  run(complete_conversation(first->coaching, owner, id, {}));
  const auto job_id = stored(id).job_id.value();
  drive([&] { return never.arrived() == 1; });
  run(delete_conversation(first->coaching, owner, id));
  settle_down();
  EXPECT_EQ(error_of([&] { job(job_id); }), Code::job_not_found);
  EXPECT_EQ(counted("extraction", "lost"), 1);
}

TEST_F(Jobs, OfAConversationThatAreCancelledLeaveItForReview) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  llm::Gate never;
  hold(never);
  options.complete_wait = 1ms;
  run(complete_conversation(first->coaching, owner, id, {}));
  run(cancel_job(first->coaching, owner, stored(id).job_id.value()));
  settle_down();
  EXPECT_EQ(stored(id).status, Status::needs_review);
}

TEST_F(Jobs, OfAConversationThatNeedsReviewAreTriedAgain) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  fail_with(Code::llm_error);
  run(complete_conversation(first->coaching, owner, id, {}));
  ASSERT_EQ(stored(id).status, Status::needs_review);
  const auto failed = run(all_jobs(*store, {.status = JobStatus::failed})).jobs.at(0);
  EXPECT_EQ(failed.kind, kExtractionJob);
  run(retry_job(first->coaching, {"operator", "ada"}, "", failed.job_id));
  EXPECT_EQ(stored(id).status, Status::completing);
  answer_again();
  first->model.answers = {R"({"values":[{"name":"Craft","description":"We throw away what is not right.",
    "importance":"It is why people come.","behaviours":["Everybody learns the whole bread."],
    "red_flag":"Explaining why this batch is good enough."}],"summary":"Craft comes first."})"};
  run(sweep(first->coaching, false));
  settle_down();
  EXPECT_EQ(stored(id).status, Status::completed);
  EXPECT_EQ(error_of([&] { run(retry_job(first->coaching, owner, "", failed.job_id)); }), Code::conflict);
}

TEST_F(Jobs, AreListedByWhatAnOperatorLooksFor) {
  const auto done = ask_async().job_id;
  settle_down();
  fail_with(Code::llm_unavailable);
  options.job_attempts = 1;
  auto fresh = request();
  fresh.fresh = fresh.respond_async = true;
  const auto failed = ask(fresh).job.value().job_id;
  settle_down();
  first->live_jobs.close();
  const auto open = ask_async().job_id;
  const auto found = [&](JobQuery query) {
    std::vector<std::string> ids;
    for (const auto& one : run(all_jobs(*store, std::move(query))).jobs) ids.push_back(one.job_id);
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(found({}), (Ids{open, failed, done}));
  EXPECT_EQ(found({.tenant_id = "bakery"}), (Ids{open, failed, done}));
  EXPECT_EQ(found({.tenant_id = "brewery"}), Ids{});
  EXPECT_EQ(found({.status = JobStatus::failed}), Ids{failed});
  EXPECT_EQ(found({.status = JobStatus::pending}), Ids{open});
  EXPECT_EQ(found({.kind = "summary"}), Ids{});
  EXPECT_EQ(found({.page = 2, .page_size = 2}), Ids{done});
}

TEST_F(Jobs, OfOlderProgramsAreRead) {
  store::Item item;
  item.key = job_key("job_1");
  item.version = 7;
  item.body = R"({"job_id":"job_1","kind":"extraction","owner":{"tenant_id":"bakery","user_id":"ines"},
    "conversation_id":"conv_1","status":"pending","attempts":2,"due_at":"2026-01-01T00:00:00.000Z","error":""})";
  item.index = store::Key{std::string(kJobs), due_sort(base::parse_time("2026-01-01T00:00:00.000Z"), "job_1")};
  std::vector<store::Write> writes{store::Put{item, store::Condition::absent()}};
  run(store->transact(std::move(writes)));
  EXPECT_EQ(run(read_job(*store, "job_1")).value().job.reference, "conv_1");
  run(sweep(first->coaching, false));
  settle_down();
  EXPECT_EQ(job("job_1").error, "obsolete");
}

TEST_F(Jobs, OfAKindThatIsNotKnownFailInTheEnd) {
  auto unknown = new_job(first->coaching, "divination", owner, "", "");
  std::vector<store::Write> writes{put_job(unknown, 1, store::Condition::absent())};
  run(store->transact(std::move(writes)));
  until_done(unknown.job_id);
  EXPECT_EQ(job(unknown.job_id).status, JobStatus::failed);
}

}  // namespace
}  // namespace coaching
