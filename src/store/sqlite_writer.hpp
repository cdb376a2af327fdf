#pragma once
// The one thread that writes. It takes all waiting transactions, evaluates each one's conditions against the state
// that those before it left, commits once, and hands every outcome back to the executor that waits for it. Nothing
// waits for company: a lone transaction is committed at once, and while its commit is under way the next group forms.
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite_checkpoints.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_fault.hpp"
#include "store/sqlite_table.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace store::sqlite {

class Writer {
 public:
  // `connection` is ready to write (schema, pragmas) and used by nobody else.
  Writer(Connection& connection, const SqliteOptions& options, const base::Clock& clock, telemetry::Registry& metrics,
         telemetry::Log& log, Fault& fault, Checkpoints& checkpoints);
  ~Writer();  // commits and delivers what is queued, then joins

  base::Task<Outcome> transact(std::vector<Write> writes);
  // Writes and deletes something as large as an item, to see whether the disk has room again; clears the fault then.
  base::Task<> probe();

 private:
  enum class Kind { transaction, probe };
  struct Request {
    Kind kind = Kind::transaction;
    std::vector<Write> writes;
    std::size_t bytes = 0;
    Outcome outcome;
    std::exception_ptr failure;
    base::asio::any_io_executor executor;
    std::move_only_function<void(std::exception_ptr, Outcome)> done;
  };
  using Group = std::vector<std::unique_ptr<Request>>;

  base::Task<Outcome> submit(std::vector<Write> writes, Kind kind);
  bool reserve(std::size_t bytes);  // a place in the queue
  void push(std::unique_ptr<Request> request);
  void run();
  bool take(Group& group);  // waits; false when closed and nothing is left
  void commit(Group& group);
  void apply(Group& group);
  void answer_probes(Group& group);
  void sweep_if_due();
  bool sweep_due() const { return clock_.now() >= next_sweep_; }
  void fail(Group& group, const base::Error& error);
  void deliver(Group& group);

  Connection& connection_;
  const SqliteOptions& options_;
  const base::Clock& clock_;
  telemetry::Log& log_;
  Fault& fault_;
  Checkpoints& checkpoints_;
  telemetry::Counter& committed_;
  telemetry::Counter& refused_;
  telemetry::Counter& failed_;
  telemetry::Counter& swept_;
  telemetry::Histogram& commit_seconds_;
  telemetry::Histogram& group_size_;
  telemetry::Gauge& queue_length_;
  Table table_;
  Statement begin_;
  Statement commit_;
  base::Time next_sweep_{};
  struct Batch {
    base::asio::any_io_executor executor;
    Group requests;
  };
  std::vector<Batch> batches_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Group queue_;
  std::size_t queued_ = 0;        // places given out, taken or not
  std::size_t queued_bytes_ = 0;
  bool idle_ = false;
  bool closing_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace store::sqlite
