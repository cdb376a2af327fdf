// The proof that a job is done once: its workers are killed, or held up, before and after every call of the store.
#include "coaching/analysis.hpp"
#include "coaching/job_access.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/paced_store_test.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Task;
using namespace std::chrono_literals;

constexpr std::string_view kAnalysis = R"({
  "scores": {"overall_score": 70, "purpose_alignment": 80, "values_alignment": 60, "goal_clarity": 50},
  "overall_assessment": "The text names whom it is for.", "strengths": ["Names the baker."],
  "misalignments": [], "recommendations": [{"action": "Set a date.", "priority": "high", "rationale": "It has none."}]})";
constexpr std::string_view kResult =
    R"({"values":[{"name":"Craft","description":"We throw away what is not right.","importance":"It is why people come.",
    "behaviours":["Everybody learns the whole bread."],"red_flag":"Explaining why this batch is good enough."}],
    "summary":"Craft comes first."})";

void let_answer(llm::ScriptedProvider& model) {
  model.on_complete = [&model](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    switch (request.purpose) {
      case llm::Purpose::analysis: co_return model.answer(request, sink, std::string(kAnalysis));
      case llm::Purpose::extraction: co_return model.answer(request, sink, std::string(kResult));
      case llm::Purpose::summary: co_return model.answer(request, sink, "- Her bakery is called Morgenrot.");
      default: co_return model.answer(request, sink, "And what did that show you?");
    }
  };
}

// A process of its own that may take so many steps.
struct Worker {
  Worker(World& world, std::size_t steps)
      : store(*world.store, steps),
        instance(world.options, world.llm_options, store, world.topics, world.website_options, world.webhook_options,
                 world.clock, world.ids, world.random, world.log, world.metrics) {
    let_answer(instance.model);
  }
  PacedStore store;
  Instance instance;
};
constexpr std::size_t kForEver = 1'000'000;

// A store with one job in it that nobody has begun, and what it works on.
struct JobWorld : World {
  explicit JobWorld(std::string_view wanted) : kind(wanted) {
    options.window_tokens = 200;
    let_answer(first->model);
    first->live_jobs.close();  // so that it lies there
    if (kind == kAnalysisJob) {
      AnalysisRequest request;
      request.topic = "alignment";
      request.tier = "free";
      request.input = {{"text_to_analyze", "We bake bread that people remember."}};
      request.idempotency_key = "key-1";
      request.respond_async = true;
      job_id = run(run_analysis(first->coaching, owner, request)).job.value().job_id;
    } else {
      conversation_id = start().conversation_id;
      say(conversation_id, "Craft.");
      if (kind == kExtractionJob) {
        run(complete_conversation(first->coaching, owner, conversation_id, {}));
        job_id = stored(conversation_id).job_id.value();
      } else {
        while (!stored(conversation_id).summary_job) say(conversation_id, "We throw away what is not right, always.");
        job_id = stored(conversation_id).summary_job.value();
      }
    }
    calls_before = calls_on_books();
  }

  Job job() { return run(read_job(*store, job_id)).value().job; }
  bool done() { return is_done(job()); }
  std::int64_t calls_on_books() {
    store::Query query;
    query.partition = books_partition(owner.tenant_id);
    std::int64_t calls = 0;
    for (const auto& item : run(store->query(query)).items) calls += item.counters[kCalls];
    return calls;
  }
  std::int64_t new_calls_on_books() { return calls_on_books() - calls_before; }
  std::size_t results() {
    if (kind == kAnalysisJob) {
      const auto page = run(list_analyses(first->coaching, owner, "", 1, 20));
      if (page.total == 1) {
        EXPECT_EQ(page.analyses[0].analysis_id, job().reference);
      }
      return static_cast<std::size_t>(page.total);
    }
    if (kind == kExtractionJob) {
      const auto conversation = stored(conversation_id);
      return conversation.status == Status::completed && conversation.result == base::parse_json(kResult) ? 1 : 0;
    }
    store::Query query;
    query.partition = conversation_key(conversation_id).partition;
    query.from = "summary#";
    query.to = "summary$";
    return run(store->query(query)).items.size();
  }
  double completions() {
    return metrics.counter("purposepath_jobs_total", "", {{"kind", std::string(kind)}, {"outcome", "completed"}})
        .value();
  }
  void expect_done_once() {
    const auto now = job();
    EXPECT_EQ(now.status, JobStatus::completed) << now.error << " " << now.message;
    EXPECT_EQ(results(), 1u);
    EXPECT_LE(completions(), 1);  // a worker that was killed after its commit did not live to count it
    EXPECT_FALSE(run(store->get(job_input_key(job_id)))) << "what was said must not stay";
    store::Query open;
    open.partition = kJobs;
    EXPECT_TRUE(run(store->query_index(open)).items.empty());
    EXPECT_FALSE(run(claim_job(first->coaching, job_id, true)));
  }
  // Until the attempt is over, or does not get on.
  void let_run(Worker& worker, const LiveJobPtr& live) {
    drive([&] { return worker.store.somebody_waits() || !worker.instance.live_jobs.find(live->job_id); });
  }
  // By a process that came later.
  void finish(Worker& worker) {
    for (int i = 0; i < 20 && !done(); ++i) {
      run(sweep(worker.instance.coaching, false));
      drive([&] { return worker.instance.live_jobs.size() == 0; });
      clock.advance(options.job_lease);
    }
  }

  std::string_view kind;
  std::string job_id;
  std::string conversation_id;
  std::int64_t calls_before = 0;
};

struct JobProof : testing::TestWithParam<std::string_view> {};

TEST_P(JobProof, IsDoneOnceWhenItsWorkerIsKilledAtAnyStep) {
  for (std::size_t steps = 0;; ++steps) {
    SCOPED_TRACE(steps);
    JobWorld world(GetParam());
    Worker killed(world, steps);
    const auto live = start_job(killed.instance.coaching, world.io.get_executor(), world.job_id);
    world.let_run(killed, live);
    if (live->ended && !killed.instance.live_jobs.find(world.job_id)) {
      EXPECT_GT(steps, 6u);
      world.expect_done_once();
      EXPECT_EQ(world.new_calls_on_books(), 1);
      break;
    }
    world.clock.advance(world.options.job_lease + 1ms);
    Worker other(world, kForEver);
    world.finish(other);
    world.expect_done_once();
    EXPECT_EQ(world.new_calls_on_books(), 1);

    // It was not dead after all, but slow.
    killed.store.allow_all();
    world.drive([&] { return killed.instance.live_jobs.size() == 0; });
    world.expect_done_once();
    EXPECT_EQ(world.new_calls_on_books(),
              static_cast<std::int64_t>(killed.instance.model.seen().size() + other.instance.model.seen().size()));
    if (testing::Test::HasFailure()) break;
  }
}

TEST_P(JobProof, IsDoneOnceWhenWorkerAfterWorkerIsKilled) {
  for (std::size_t steps = 1;; ++steps) {
    SCOPED_TRACE(steps);
    JobWorld world(GetParam());
    world.options.job_attempts = 10;
    std::vector<std::unique_ptr<Worker>> killed;
    bool ended = false;
    for (std::size_t i = 0; i < 3 && !ended; ++i) {
      auto& worker = *killed.emplace_back(std::make_unique<Worker>(world, steps + i));
      const auto live = start_job(worker.instance.coaching, world.io.get_executor(), world.job_id);
      world.let_run(worker, live);
      ended = live->ended && killed.size() == 1 && worker.instance.live_jobs.size() == 0;
      world.clock.advance(world.options.job_lease + 1ms);
    }
    Worker last(world, kForEver);
    world.finish(last);
    world.expect_done_once();
    EXPECT_EQ(world.new_calls_on_books(), 1);
    for (const auto& worker : killed) {
      worker->store.allow_all();
      world.drive([&] { return worker->instance.live_jobs.size() == 0; });
    }
    world.expect_done_once();
    if (ended || testing::Test::HasFailure()) break;
  }
}

TEST_P(JobProof, IsDoneOnceByTwoWhoseStepsAreInterleaved) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    JobWorld world(GetParam());
    world.options.job_attempts = 1'000;
    base::FakeRandom chance(seed);
    std::array<std::unique_ptr<Worker>, 2> workers{std::make_unique<Worker>(world, 0),
                                                   std::make_unique<Worker>(world, 0)};
    for (int i = 0; i < 2'000 && !world.done(); ++i) {
      auto& worker = *workers[chance.next() % 2];
      const auto& coaching = worker.instance.coaching;
      const auto executor = world.io.get_executor();
      auto live = coaching.live_jobs.find(world.job_id);
      if (!live) live = start_job(coaching, executor, world.job_id);
      // A lease that ends under somebody at work, or is renewed at the wrong moment.
      if (chance.next() % 8 == 0) world.clock.advance(world.options.job_lease);
      if (chance.next() % 6 == 0) boost::asio::co_spawn(executor, renew_job(coaching, live), boost::asio::detached);
      worker.store.allow(1);
      world.let_run(worker, live);
    }
    for (const auto& worker : workers) {
      worker->store.allow_all();
      world.drive([&] { return worker->instance.live_jobs.size() == 0; });
    }
    world.expect_done_once();
    EXPECT_EQ(world.completions(), 1);
    if (testing::Test::HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, JobProof, testing::Values(kAnalysisJob, kExtractionJob, kSummaryJob),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace coaching
