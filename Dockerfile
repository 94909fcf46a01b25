# Two images from one file; README says how to build and run them.
#
#   cpu (the default)   small where pip is shown a torch without CUDA: --build-arg TORCH_INDEX=ADDRESS,
#                       as in the Makefile. Without, it has the general index's and runs all the same.
#   --target cuda       has no other base: torch's wheels bring every CUDA library that they need, and
#                       the driver is the host's, put in by NVIDIA's container toolkit. An image of
#                       NVIDIA's would hold those libraries a second time, in versions of its own.
#                       TORCH_INDEX names builds for an older driver.

# A named Debian, which changes only when this line does: tests build on it, with its own Python.
ARG PYTHON=3.12-slim-bookworm

# What installs stays behind in this stage; pip leaves the environment once it is done.
FROM python:${PYTHON} AS build
ARG TORCH_INDEX=""
WORKDIR /build
RUN python3 -m venv /opt/venv
COPY requirements.txt constraints.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        --constraint constraints.txt --requirement requirements.txt \
    && /opt/venv/bin/pip uninstall --quiet --yes pip

FROM python:${PYTHON} AS app
ENV HOME=/home/user \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/models \
    WAN_DEMO_HOST=0.0.0.0 \
    WAN_DEMO_PORT=7860 \
    WAN_DEMO_DATA_DIR=/data
# A new volume takes over the owner of the folder that it is mounted on.
RUN useradd --create-home --uid 1000 user \
    && install --directory --owner=user --group=user /data /models
COPY --from=build /opt/venv /opt/venv
# The code stays root's, so that the app can't change it; compiled, as it can't do that later either;
# readable, whatever the umask was that the repository was cloned under.
WORKDIR /app
COPY app.py LICENSE ./
COPY wan_demo wan_demo
COPY assets assets
RUN chmod --recursive go-w,a+rX . && python -m compileall -q .
USER 1000

# People's videos, and downloads that can be had again: two volumes, as only one needs a backup.
VOLUME ["/data", "/models"]
EXPOSE 7860
# Ready rather than live: Docker itself restarts nothing by it, but who waits for the service or sends
# people to it must know that jobs are taken and made. http.client, as no proxy may get in between.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys; \
asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['WAN_DEMO_PORT']), timeout=4); \
asked.request('GET', '/health/ready'); \
sys.exit(asked.getresponse().status != 200)"]
# In exec form, so that the signal reaches the app: it takes no more jobs, puts the running one back
# into the queue and is gone within ten seconds, after which Docker would kill it.
STOPSIGNAL SIGTERM
CMD ["python", "app.py"]

FROM app AS cuda
# What the toolkit reads: all GPUs that were lent, for computing and nvidia-smi.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN python -c "import sys, torch; sys.exit(None if torch.version.cuda else \
'This torch has no CUDA: build the cuda target where pip is not shown an index of CPU builds.')"

# The last one is what is built where no target is named.
FROM app AS cpu
