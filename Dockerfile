FROM python:3.12-slim

# Spaces run containers as this user, and so should everybody else.
RUN useradd --create-home --uid 1000 user
USER user
ENV HOME=/home/user \
    PATH=/home/user/.local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WAN_DEMO_HOST=0.0.0.0 \
    WAN_DEMO_PORT=7860 \
    WAN_DEMO_DATA_DIR=/home/user/data
WORKDIR /home/user/app

# The libraries first: they change seldom and are most of the image. TORCH_INDEX: as in Makefile.
ARG TORCH_INDEX=""
COPY --chown=user requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --user ${TORCH_INDEX:+--extra-index-url $TORCH_INDEX} \
    --constraint constraints.txt -r requirements.txt

COPY --chown=user app.py ./
COPY --chown=user wan_demo wan_demo
COPY --chown=user assets assets
RUN mkdir /home/user/data
VOLUME /home/user/data

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/health/ready', timeout=4)"]
CMD ["python", "app.py"]
