#include "control/publisher.h"

namespace otto::control {

void Publisher::take(std::shared_ptr<const Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    if (state_ == State::settling && !callbacks_.settled()) {
        hand_out(false);
    } else {
        balance();
    }
}

void Publisher::changed() {
    if (state_ == State::due) return;
    if (state_ == State::current) state_ = State::due;
    callbacks_.wake();
}

void Publisher::publish_if_due() {
    switch (state_) {
        case State::settling:
            if (callbacks_.settled()) balance();
            return;
        case State::current:
            return;
        case State::due:
            balance();
            return;
    }
}

void Publisher::settle() {
    if (state_ == State::settling) balance();
}

void Publisher::balance() {
    const bool settles = state_ == State::settling;
    snapshot_ = with_candidates(*snapshot_, callbacks_.balance(snapshot_->candidates()));
    state_ = State::current;
    hand_out(settles);
}

void Publisher::hand_out(bool settles) {
    callbacks_.apply(snapshot_);
    callbacks_.on_published(settles);
}

void Publisher::confirm() {
    awaited_ += callbacks_.ask();
}

void Publisher::confirmed() {
    if (--awaited_ == 0) callbacks_.on_confirmed();
}

}  // namespace otto::control
