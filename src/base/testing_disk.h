#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/disk.h"

namespace shoal::testing {

/// For tests: a disk in memory that forgets, when the power is cut, what nobody synced. One that is
/// told to fails at a step, or is dead from it on.
class FaultyDisk final : public Disk {
  public:
    /// What of the unsynced is there after a cut. Real file systems keep anything in between.
    enum class Names { synced, all };
    enum class Contents { synced, half, all };

    /// Step `step` (from 1) fails and changes nothing; the ones after it work.
    void fail_at(int step) { fails_at_ = step; }
    /// Step `step` and all after it change nothing; a write gets half through.
    void cut_at(int step) { cut_at_ = step; }
    int steps() const { return step_; }
    void restart(Names names, Contents contents) {
        if (names == Names::synced) names_ = synced_names_;
        synced_names_ = names_;
        for (auto& [id, file] : files_) {
            if (contents == Contents::synced) file.content = file.synced;
            if (contents == Contents::half && file.content != file.synced)
                file.content.resize((file.content.size() + file.synced.size()) / 2);
            file.synced = file.content;
        }
        step_ = 0;
        fails_at_ = cut_at_ = 0;
    }
    /// As somebody else writes it.
    std::string& content(const std::string& path) {
        if (!names_.contains(path)) names_[path] = synced_names_[path] = next_id_++;
        return files_[names_[path]].content;
    }
    bool exists(const std::string& path) const { return names_.contains(path); }

    Result<std::string> read(const std::string& path, std::size_t longest) override {
        const auto name = names_.find(path);
        if (name == names_.end()) return fail(path + ": No such file or directory");
        const auto& content = files_[name->second].content;
        if (content.size() > longest) return fail(path + ": too long");
        return content;
    }
    Result<std::vector<std::string>> list(const std::string& directory) override {
        std::vector<std::string> found;
        for (const auto& [path, id] : names_)
            if (path.starts_with(directory + "/"))
                found.push_back(path.substr(directory.size() + 1));
        return found;
    }
    Result<void> make_directories(const std::string& /*directory*/) override { return step(); }
    Result<void> write(const std::string& path, std::string_view content, mode_t) override {
        const bool dies = step_ + 1 == cut_at_;
        const auto done = step();
        if (!done && !dies) return done;
        names_[path] = next_id_;
        files_[next_id_] = {std::string(dies ? content.substr(0, content.size() / 2) : content),
                            std::string(dies ? "" : content)};
        ++next_id_;
        return done;
    }
    Result<void> append(const std::string& path, std::string_view content, mode_t) override {
        const bool dies = step_ + 1 == cut_at_;
        const auto done = step();
        if (!done && !dies) return done;
        if (!names_.contains(path)) names_[path] = next_id_++;
        auto& file = files_[names_[path]];
        file.content += dies ? content.substr(0, content.size() / 2) : content;
        if (!dies) file.synced = file.content;
        return done;
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        if (auto done = step(); !done) return done;
        const auto name = names_.find(from);
        if (name == names_.end()) return fail(from + ": No such file or directory");
        names_[to] = name->second;
        names_.erase(name);
        return {};
    }
    Result<void> remove(const std::string& path) override {
        if (auto done = step(); !done) return done;
        if (names_.erase(path) == 0) return fail(path + ": No such file or directory");
        return {};
    }
    Result<void> sync_directory(const std::string& directory) override {
        if (auto done = step(); !done) return done;
        const auto inside = [&](const auto& entry) {
            return entry.first.starts_with(directory + "/");
        };
        std::erase_if(synced_names_, inside);
        for (const auto& entry : names_)
            if (inside(entry)) synced_names_.insert(entry);
        return {};
    }

  private:
    struct File {
        std::string content;
        std::string synced;
    };

    Result<void> step() {
        ++step_;
        if (cut_at_ != 0 && step_ >= cut_at_) return fail("the power is cut");
        if (step_ == fails_at_) return fail("No space left on device");
        return {};
    }

    std::map<std::string, std::uint64_t> names_;
    std::map<std::string, std::uint64_t> synced_names_;
    std::map<std::uint64_t, File> files_;
    std::uint64_t next_id_ = 1;
    int step_ = 0;
    int fails_at_ = 0;
    int cut_at_ = 0;
};

/// Calls `check(disk, cut)` for every state that a power cut at each step of `change` may leave.
/// `prepare` makes the disk as it was before. `change` gets a fresh copy each time.
template <class Prepare, class Change, class Check>
void for_every_cut(Prepare prepare, Change change, Check check) {
    using Disk = FaultyDisk;
    for (int cut = 1;; ++cut) {
        bool reached = false;
        for (const auto names : {Disk::Names::synced, Disk::Names::all}) {
            for (const auto contents :
                 {Disk::Contents::synced, Disk::Contents::half, Disk::Contents::all}) {
                Disk disk;
                prepare(disk);
                disk.restart(Disk::Names::all, Disk::Contents::all);
                disk.cut_at(cut);
                change(disk);
                reached = disk.steps() >= cut;
                disk.restart(names, contents);
                check(disk, cut);
            }
        }
        if (!reached) return;
    }
}

}  // namespace shoal::testing
