"""Many threads on one object, what they may do meanwhile, and what stays behind."""

import asyncio
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from process_programs import BATCH, RECORDS, SUBJECTS, main, open_files, resident_bytes, run, shards

import windrow
from windrow.array_record_module import ArrayRecordReader, ArrayRecordWriter

THREADS = 32
LIMIT_SECONDS = 60.0
NUMBERS = random.Random(1).sample(range(1000), 100)


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Calls `work` in threads that begin at once, with each thread's number. All must end, and well."""
    begin = threading.Barrier(threads)
    results: list[Any] = [None] * threads
    errors: list[BaseException] = []

    def call(number: int) -> None:
        begin.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    calls = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(threads)]
    for each in calls:
        each.start()
    end = time.monotonic() + LIMIT_SECONDS
    for each in calls:
        each.join(max(0.0, end - time.monotonic()))
        assert not each.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
    return results


@pytest.mark.parametrize("subject", [name for name in SUBJECTS if name != "iterators"])
def test_reading(record_files: Path, subject: str) -> None:
    records: Any = SUBJECTS[subject](record_files).records  # type: ignore[union-attr]

    def read(number: int) -> None:
        numbers = random.Random(number).choices(range(len(RECORDS)), k=100)
        for each in numbers:
            assert records[each] == RECORDS[each]
        assert records[numbers] == [RECORDS[each] for each in numbers]
        assert list(records) == RECORDS

    together(read)


def iterators(folder: Path) -> list[tuple[Callable[[], Iterator[bytes]], list[bytes]]]:
    reader, source = windrow.RecordReader(folder / "groups"), windrow.DataSource(shards(folder), max_open_files=1)
    old = ArrayRecordReader(folder / "single", "readahead_buffer_size:16MB")

    def reads() -> Iterator[bytes]:
        while (record := old.read_record()) is not None:
            yield record

    return [
        (lambda it=iter(reader): it, RECORDS),  # type: ignore[misc]
        (lambda it=iter(source): it, RECORDS),  # type: ignore[misc]
        (lambda it=reversed(source): it, RECORDS),  # type: ignore[misc]
        (lambda it=iter(reader[1::3]): it, RECORDS[1::3]),  # type: ignore[misc]
        (lambda it=reader.batches(): (bytes(record) for batch in it for record in batch), RECORDS),  # type: ignore[misc]
        (reads, RECORDS),
    ]


@pytest.mark.parametrize("kind", range(6), ids=["file", "files", "reversed", "strided", "batches", "read"])
def test_one_iterator_gives_each_record_once(record_files: Path, kind: int) -> None:
    shared, expected = iterators(record_files)[kind]
    taken = together(lambda _: list(shared()))
    assert Counter(itertools.chain(*taken)) == Counter(expected)


def test_seeking_while_others_iterate(record_files: Path) -> None:
    iterator = iter(windrow.RecordReader(record_files / "groups"))
    all_records = set(RECORDS)

    def use(number: int) -> None:
        for step in range(200):
            if number % 4 == 0:
                iterator.seek((step * 31 + number) % len(RECORDS))
            else:
                assert next(iterator, RECORDS[0]) in all_records

    together(use)
    iterator.seek(1000)
    assert list(iterator) == RECORDS[1000:]


@pytest.mark.parametrize("options", [{}, {"group_size": 7}, {"group_size": 64, "max_parallelism": 1}, {"atomic": True}])
def test_one_writer_takes_each_record_once(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "file"
    expected = [[b"%d-%d" % (thread, number) * (number % 9) for number in range(300)] for thread in range(THREADS)]
    with windrow.RecordWriter(path, **options) as writer:

        def write(number: int) -> None:
            for record in expected[number][:200]:
                writer.write(record)
            writer.flush()
            writer.write_batch(expected[number][200:])

        together(write)
        assert writer.records == THREADS * 300
    records = windrow.RecordReader(path).read_all()
    assert Counter(records) == Counter(itertools.chain(*expected))
    own = [record for record in records if record.startswith(b"5-")]
    assert own == [record for record in expected[5] if record], "each thread's records stay in order"


def test_one_array_record_writer(tmp_path: Path) -> None:
    writer = ArrayRecordWriter(tmp_path / "file", "group_size:5")
    together(lambda number: list(map(writer.write, (b"%d" % (number * 100 + each) for each in range(100)))))
    together(lambda _: writer.close())
    assert Counter(windrow.RecordReader(tmp_path / "file")) == Counter(
        b"%d" % number for number in range(THREADS * 100)
    )


def test_closing_a_writer_while_others_write(tmp_path: Path) -> None:
    """What was taken is in the file; what was not says that the writer is closed."""
    for repetition in range(20):
        path = tmp_path / str(repetition)
        writer = windrow.RecordWriter(path, group_size=4)

        def use(number: int, writer: windrow.RecordWriter = writer) -> list[bytes]:
            taken = []
            try:
                for step in itertools.count():
                    if number == 0 and step == 100:
                        writer.close()
                    record = b"%d-%d" % (number, step)
                    writer.write(record)
                    taken.append(record)
            except windrow.ClosedError:
                pass
            return taken

        taken = together(use, 8)
        assert Counter(windrow.RecordReader(path)) == Counter(itertools.chain(*taken))


@pytest.mark.parametrize("view", [False, True], ids=["whole", "slice"])
@pytest.mark.parametrize("subject", [name for name in SUBJECTS if name != "iterators"])
def test_closing_while_others_read(record_files: Path, subject: str, view: bool) -> None:
    refused = 0
    for repetition in range(20):
        whole: Any = SUBJECTS[subject](record_files).records  # type: ignore[union-attr]
        records = whole[100:] if view and subject in ("record_reader", "data_source") else whole
        expected = RECORDS[100:] if records is not whole else RECORDS

        def use(number: int, records: Any = records, pause: float = 0.0002 * repetition) -> int:
            if number == 0:
                time.sleep(pause)
                records.close() if hasattr(records, "close") else records.__exit__(None, None, None)
            try:
                for step in range(30):
                    place = (number * 37 + step) % len(expected)
                    assert records[place] == expected[place]
                    assert records[NUMBERS] == [expected[each] for each in NUMBERS]
                    assert list(itertools.islice(records, 50)) == expected[:50]
            except windrow.ClosedError as error:
                assert error.code == "closed"
                return 1
            return 0

        refused += sum(together(use, 8))
        if records is not whole:
            assert whole[7] == RECORDS[7], "closing a view closes nothing else"
    # The source of array_record has no close; its `with` statement only gives the files back.
    assert (refused > 0) == (subject != "array_record_data_source")


def test_views_outlive_what_they_are_of(record_files: Path) -> None:
    source = windrow.DataSource(shards(record_files))
    views = [source[number::THREADS] for number in range(THREADS)]
    iterators = [iter(view) for view in views]

    def use(number: int) -> None:
        if number == 3:
            source.close()
        assert list(iterators[number]) == RECORDS[number::THREADS]
        assert views[number].read_all() == RECORDS[number::THREADS]
        if number % 2:
            views[number].close()

    together(use)


def test_few_open_files(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(20)]
    for number, path in enumerate(paths):
        with windrow.RecordWriter(path, group_size=1 + number % 3) as writer:
            writer.write_batch(RECORDS[number * 60 : number * 60 + 60])
    source = windrow.DataSource(paths, max_open_files=2)
    before = open_files()

    def use(number: int) -> None:
        for each in random.Random(number).choices(range(len(RECORDS)), k=150):
            assert source[each] == RECORDS[each]
        assert source.read_many(BATCH) == [RECORDS[each] for each in BATCH]
        assert list(source) == RECORDS

    together(use)
    assert open_files() <= before
    source.close_files()
    assert source[600] == RECORDS[600]


class Steps:
    """Counts what another thread gets done, in steps of a millisecond or more."""

    def during(self, work: Callable[[], object]) -> tuple[int, float, float]:
        """Runs `work` in a thread: the steps meanwhile, the longest pause between two, and the time in all."""
        done = threading.Event()

        def call() -> None:
            try:
                work()
            finally:
                done.set()

        thread = threading.Thread(target=call)
        begin = last = time.perf_counter()
        steps, pause = 0, 0.0
        thread.start()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            steps, pause, last = steps + 1, max(pause, now - last), now
        thread.join()
        return steps, pause, time.perf_counter() - begin


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """200 MB that take long to decode: as single records, and in two large groups."""
    folder = tmp_path_factory.mktemp("large")
    records = [random.Random(number).randbytes(1 << 17).hex().encode() for number in range(4)]
    paths = {}
    for name, group_size in [("single", 1), ("groups", 400)]:
        paths[name] = folder / name
        with windrow.RecordWriter(paths[name], group_size=group_size, codec="brotli", level=1) as writer:
            writer.write_batch(records[number % 4] for number in range(800))
    return paths


WORK = ["batch", "many", "one", "iterate", "array", "verify", "write", "close", "source", "train", "flush"]


@pytest.mark.parametrize("work", WORK)
def test_other_threads_go_on(large: dict[str, Path], tmp_path: Path, work: str) -> None:
    sys.setswitchinterval(0.005)
    reader = windrow.RecordReader(large["single"], max_parallelism=1)
    groups = windrow.RecordReader(large["groups"], max_parallelism=1)
    source = windrow.DataSource([large["single"]], max_parallelism=1)
    group_size = 100 if work == "close" else 40
    writer = windrow.RecordWriter(tmp_path / "file", group_size=group_size, max_parallelism=1, level=19)
    records = [random.Random(number).randbytes(20_000).hex().encode() for number in range(80)]
    pages = windrow.RecordWriter(tmp_path / "pages", layout="pages", dictionary=65536)
    jobs: dict[str, Callable[[], object]] = {
        "batch": reader.read_batch,
        "many": lambda: groups.read_many(range(800)),
        "one": lambda: groups[0],
        "iterate": lambda: sum(len(record) for record in groups),
        "array": lambda: reader.read_array(None, "u1", 1 << 18),
        "verify": lambda: windrow.verify(large["groups"], deep=True),
        "write": lambda: list(map(writer.write, records)),
        "close": writer.close,
        "source": lambda: source.read_many(range(800)),
        "train": lambda: windrow.train_dictionary(records),
        "flush": pages.flush,
    }
    if work == "close":
        writer.write_batch(records)
    pages.write_batch(records)
    steps, pause, seconds = Steps().during(jobs[work])
    writer.close()
    pages.close()
    assert seconds > 0.05, "too short to tell"
    # With the interpreter's lock held throughout there would be a step or two, and one pause of nearly all the time.
    assert steps >= 10, (steps, pause, seconds)
    assert pause < seconds / 2, (steps, pause, seconds)


def test_asyncio(record_files: Path) -> None:
    reader = windrow.RecordReader(record_files / "groups")
    source = windrow.DataSource(shards(record_files))

    async def main() -> None:
        numbers = [random.Random(number).choices(range(len(RECORDS)), k=200) for number in range(100)]
        calls = [(reader, source)[number % 2].read_many_async(each) for number, each in enumerate(numbers)]
        for each, result in zip(numbers, await asyncio.gather(*calls), strict=True):
            assert result == [RECORDS[number] for number in each]
        assert await source.read_range_async(490, 510) == RECORDS[490:510]
        assert (await reader.read_batch_async()).to_list() == RECORDS
        with pytest.raises(windrow.OutOfRangeError):
            await reader.read_many_async([len(RECORDS)])

    asyncio.run(main())


def test_asyncio_cancellation(large: dict[str, Path]) -> None:
    reader = windrow.RecordReader(large["single"])

    async def main() -> None:
        call = asyncio.ensure_future(reader.read_many_async(range(800)))
        await asyncio.sleep(0.01)
        begin = time.perf_counter()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.perf_counter() - begin < 0.5, "cancelling does not wait for the read"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read_many_async(range(800)), 0.001)
        assert await reader.read_many_async([5, 3]) == [reader[5], reader[3]]

    asyncio.run(main())


def read_same_batch(files: str) -> None:
    """Bytes that memory grows by over 200 times the same reads."""
    folder = Path(files)
    reader, source = windrow.RecordReader(folder / "groups"), windrow.DataSource(shards(folder), max_open_files=2)
    writer_path = folder / f"growth-{os.getpid()}"

    def read() -> None:
        for records in (reader, source):
            records.read_many(BATCH)
            records.read_batch(BATCH)
            records.read_view(3)
            iterator = iter(records)
            next(iterator)
            next(records.batches())
            next(reversed(records))
            for bad in (-5000, 5000):
                with pytest.raises(IndexError):
                    records[bad]
        with windrow.RecordWriter(writer_path, group_size=16) as writer:
            writer.write_batch(RECORDS[:200])
        windrow.verify(writer_path)

    for _ in range(50):
        read()
    before = resident_bytes()
    for _ in range(200):
        read()
    writer_path.unlink()
    print(resident_bytes() - before)


def open_and_drop(files: str) -> None:
    """Files that are open, and bytes that memory grew by, over 10,000 readers."""
    path = Path(files) / "groups"

    def use() -> None:
        reader = windrow.RecordReader(path)
        assert reader[0] == RECORDS[0]
        next(iter(reader))

    def fewest_open_files() -> int:
        # The last iterator's readahead may still be at work on the file.
        fewest = open_files()
        for _ in range(100):
            time.sleep(0.01)
            fewest = min(fewest, open_files())
        return fewest

    for _ in range(500):
        use()
    files_before, before = fewest_open_files(), resident_bytes()
    for _ in range(10_000):
        use()
    print([fewest_open_files() - files_before, resident_bytes() - before])


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for memory and open files")
def test_memory_does_not_grow(record_files: Path) -> None:
    # One batch alone is 450 kB; 200 of anything that is lost would be far more than this.
    assert run(read_same_batch, str(record_files), seconds=60) < 8 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for memory and open files")
def test_readers_free_their_files(record_files: Path) -> None:
    files, grown = run(open_and_drop, str(record_files), seconds=60)
    assert files == 0
    assert grown < 8 << 20


def step_through_zeros(own: str) -> None:
    """The most that memory grew by while records that compress very well were read with steps, in MiB."""
    import resource  # Not on Windows.

    path = Path(own) / "zeros"
    with windrow.RecordWriter(path) as writer:
        writer.write_batch(bytes(1 << 20) for _ in range(1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for records in (windrow.RecordReader(path), windrow.DataSource(path)):
        for steps in (reversed(records), iter(records[::2])):
            assert len(next(steps)) == 1 << 20
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for memory")
def test_steps_hold_few_records(tmp_path: Path) -> None:
    assert run(step_through_zeros, str(tmp_path)) < 200


def test_threads_of_a_pool(record_files: Path) -> None:
    source = windrow.DataSource(shards(record_files))
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(source.__getitem__, range(len(RECORDS)))) == RECORDS


if __name__ == "__main__":
    main()
