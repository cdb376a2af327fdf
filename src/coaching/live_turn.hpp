#pragma once
// Turns at work in this process: where the model's text goes, and from where any number of listeners read it.
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "coaching/leased_work.hpp"
#include "coaching/records.hpp"

namespace coaching {

class LiveTurn final : public LeasedWork {
 public:
  LiveTurn(std::string conversation, OpenTurn open, boost::asio::any_io_executor executor)
      : LeasedWork(std::move(executor)), conversation_id(std::move(conversation)), turn(std::move(open)) {}
  // One that is over already: the answer to a repeat.
  LiveTurn(std::string conversation, OpenTurn open, std::shared_ptr<const Message> answer)
      : LeasedWork({}),
        conversation_id(std::move(conversation)),
        turn(std::move(open)),
        reply_(std::move(answer)),
        finished_(true) {}

  const std::string conversation_id;
  const OpenTurn turn;
  telemetry::Trace trace;  // of whoever began it; from its begin on the turn's own span. Only on executor()

  // Writers: the coroutine that runs the turn.
  void append(std::string_view text);
  void finish(std::shared_ptr<const Message> reply);
  void fail(base::Error error);

  // What is there beyond the first `seen` bytes. Throws the turn's error once all text was read.
  struct News {
    std::string text;
    std::shared_ptr<const Message> reply;  // set when the turn is over
  };
  News news_since(std::size_t seen) const;  // any thread

  bool quiet_since(std::size_t seen) const;  // no news: any thread

  // Waits until there is news beyond `seen` or the time-out; call from any io_context thread.
  base::Task<> wait_for_news(std::size_t seen, base::Milliseconds timeout);
  // Waits to the end; throws the turn's error.
  base::Task<std::shared_ptr<const Message>> wait_for_reply();

  bool finished() const;

  // Listeners are counted, so that a turn nobody listens to can be given up after a while.
  void listen(int change, base::Time now);
  std::optional<base::Time> unheard_since() const;  // nullopt while somebody listens

 private:
  bool has_news(std::size_t seen) const { return finished_ || text_.size() > seen; }

  mutable std::mutex mutex_;
  std::string text_;
  std::shared_ptr<const Message> reply_;
  std::optional<base::Error> error_;
  bool finished_ = false;
  int listeners_ = 0;
  std::optional<base::Time> unheard_since_;
  base::Bell bell_;
};
using LiveTurnPtr = std::shared_ptr<LiveTurn>;

// Keeps a turn counted as listened to.
class Listening {
 public:
  Listening(LiveTurnPtr turn, const base::Clock& clock) : turn_(std::move(turn)), clock_(clock) {
    turn_->listen(+1, clock_.now());
  }
  ~Listening() { turn_->listen(-1, clock_.now()); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  LiveTurnPtr turn_;
  const base::Clock& clock_;
};

// The unfinished turns of this process, by turn id. Any thread.
class LiveTurns : public AtWork<LiveTurn> {
 public:
  explicit LiveTurns(std::size_t capacity) : capacity_(capacity) {}

  // Throws Error{dependency_unavailable} with retry_after when `capacity` turns are at work.
  void check_room() const;

 private:
  std::size_t capacity_;
};

}  // namespace coaching
