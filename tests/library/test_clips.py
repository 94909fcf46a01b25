from __future__ import annotations

import pytest

from tests.makers import request
from wan_demo.domain.job import Job
from wan_demo.domain.library import Search
from wan_demo.errors import JobNotFinished, JobNotFound
from wan_demo.library.clips import Library
from wan_demo.media.folder import DataFolder
from wan_demo.media.links import Links
from wan_demo.service import Service


@pytest.fixture
def make(store, worker):
    def make(owner: str = "ada", **changes) -> Job:
        job = store.add(request(**changes), owner)
        assert worker.run_once()
        done = store.get(job.id)
        assert done is not None
        return done

    return make


@pytest.fixture
def library(service: Service) -> Library:
    return service.library


def test_a_page_holds_some_and_counts_all(library: Library, make):
    jobs = [make(prompt=f"circle {index}") for index in range(3)]
    make(prompt="square")
    page = library.page("ada", Search.of("circle"), limit=2)
    assert (page.count, [job.id for job in page.jobs]) == (3, [jobs[2].id, jobs[1].id])
    rest = library.page("ada", Search.of("circle"), limit=2, before=jobs[1].id)
    assert (rest.count, [job.id for job in rest.jobs]) == (3, [jobs[0].id])


def test_a_deleted_clip_is_gone_everywhere_at_once_and_can_be_had_back(
    library: Library, service: Service, folder: DataFolder, make
):
    links = Links(folder, library.is_deleted)
    job = make()
    name = job.outputs[0].file
    addresses = [links.video(name), links.poster(name) or ""]
    tokens = [address.removeprefix("files/") for address in addresses]
    assert [links.resolve(token) for token in tokens] == [folder.video(name), folder.poster(name)]
    assert library.delete("ada", [job.id]) == [job.id]
    assert [links.resolve(token) for token in tokens] == [None, None]
    assert service.list("ada") == library.page("ada").jobs == []
    for use in (service.get, service.cancel):
        with pytest.raises(JobNotFound):
            use(job.id, "ada")
    assert library.restore("ada", [job.id]) == [job.id]
    assert service.get(job.id, "ada") == job
    assert links.resolve(tokens[0]) == folder.video(name)


def test_what_is_under_way_is_not_deleted_nor_anything_with_it(library: Library, store, make):
    done, waiting = make(), store.add(request(), "ada")
    with pytest.raises(JobNotFinished, match="Stop it first"):
        library.delete("ada", [done.id, waiting.id])
    assert library.page("ada").jobs == [done]


def test_what_is_not_ones_own_or_gone_is_not_found(library: Library, make):
    job = make()
    for owner, job_id in [("bob", job.id), ("ada", "no such job"), ("ada", "../../x")]:
        with pytest.raises(JobNotFound):
            library.delete(owner, [job_id])
    library.delete("ada", [job.id])
    with pytest.raises(JobNotFound):
        library.delete("ada", [job.id])
    assert library.restore("bob", [job.id]) == []


def test_an_input_is_for_the_owner_of_a_job_that_used_it(library: Library, folder, store, tmp_path):
    (tmp_path / "upload").write_bytes(b"picture")
    name = folder.keep_input(tmp_path / "upload")
    job = store.add(request(task="image_to_video", image=name), "ada")
    assert library.input_of("ada", name) == folder.input(name)
    assert library.input_of("bob", name) is None
    store.cancel(job.id)
    library.delete("ada", [job.id])
    assert library.input_of("ada", name) is None
