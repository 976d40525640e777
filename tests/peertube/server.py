"""A server for the runner protocol of PeerTube that is not ours: a minimal Django project around the package
django-peertube-runner-connector (MIT; see requirements.txt), for the journeys.

    python server.py FOLDER PORT

Prints `ready REGISTRATION_TOKEN` once it serves on 127.0.0.1:PORT. State and files lie in FOLDER; a second start goes on
from there. Besides the runner API, for the test:

    POST /upload             multipart videoFile: a new video with its jobs; answers {"uuid"}
    GET  /jobs               all jobs: uuid, type, state, progress, failures, error, payload
    POST /jobs/UUID/delete   as an admin would
    POST /runners/forget     no runner is known any more
    GET  /media/PATH         stored files
"""

import asyncio
import pathlib
import re
import sys

FOLDER, PORT = pathlib.Path(sys.argv[1]), int(sys.argv[2])
BASE = f"http://127.0.0.1:{PORT}"
RESOLUTIONS = ["144P", "240P", "360P", "480P", "720P", "1080P", "1440P", "2160P"]
ENABLED = {"240P", "480P", "720P"}

import django
from django.conf import settings

FOLDER.mkdir(parents=True, exist_ok=True)
settings.configure(
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    ROOT_URLCONF="__main__",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "django_peertube_runner_connector",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "db.sqlite3",
            "OPTIONS": {"timeout": 20},
        }
    },
    STORAGES={
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "videos": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": FOLDER / "media", "base_url": f"{BASE}/media/"},
        },
    },
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": []},
    LOGGING={
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django": {"handlers": ["console"], "level": "ERROR"}},
    },
    FILE_UPLOAD_MAX_MEMORY_SIZE=1 << 20,
    DATA_UPLOAD_MAX_MEMORY_SIZE=1 << 20,
    TRANSCODING_ENDED_CALLBACK_PATH=None,
    TRANSCRIPTION_ENDED_CALLBACK_PATH=None,
    TRANSCRIPTION_ERROR_CALLBACK_PATH=None,
    TRANSCODING_ALWAYS_TRANSCODE_ORIGINAL_RESOLUTION=True,
    TRANSCODING_RUNNER_MAX_FAILURE=5,
    TRANSCODING_FPS_MIN=1,
    TRANSCODING_FPS_STANDARD=[24, 25, 30],
    TRANSCODING_FPS_HD_STANDARD=[50, 60],
    TRANSCODING_FPS_AUDIO_MERGE=25,
    TRANSCODING_FPS_AVERAGE=30,
    TRANSCODING_FPS_MAX=60,
    TRANSCODING_FPS_KEEP_ORIGIN_FPS_RESOLUTION_MIN=720,
    **{f"TRANSCODING_RESOLUTIONS_{name}": name in ENABLED for name in RESOLUTIONS},
)
django.setup()

from django.core.management import call_command
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django_peertube_runner_connector.models import Runner, RunnerJob, RunnerRegistrationToken
from django_peertube_runner_connector.storage import video_storage
from django_peertube_runner_connector.transcode import transcode_video


@csrf_exempt
def upload(request):
    stored = video_storage.save("uploads/source.mp4", request.FILES["videoFile"])
    video = transcode_video(stored, destination=f"videos/{pathlib.Path(stored).stem}", domain=BASE)
    return JsonResponse({"uuid": str(video.uuid)})


def jobs(_request):
    fields = ["uuid", "type", "state", "progress", "failures", "error", "payload"]
    rows = RunnerJob.objects.order_by("createdAt").values(*fields)
    return JsonResponse([{**row, "uuid": str(row["uuid"])} for row in rows], safe=False)


@csrf_exempt
def delete(_request, uuid):
    RunnerJob.objects.filter(uuid=uuid).delete()
    return JsonResponse({})


@csrf_exempt
def forget(_request):
    Runner.objects.all().delete()
    return JsonResponse({})


def media(request, path):
    """Stored files, with ranges: Django's own view for static files knows none."""
    stored = FOLDER / "media" / path
    if not stored.is_file():
        return HttpResponse(status=404)
    size, start, end = stored.stat().st_size, 0, stored.stat().st_size
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if asked:
        start, end = int(asked[1]), min(int(asked[2] or size - 1) + 1, size)
    with stored.open("rb") as file:
        file.seek(start)
        body = file.read(max(end - start, 0))
    reply = HttpResponse(body, status=206 if asked else 200, content_type="application/octet-stream")
    reply["Accept-Ranges"] = "bytes"
    if asked:
        reply["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return reply


urlpatterns = [
    path("upload", upload),
    path("jobs", jobs),
    path("jobs/<uuid:uuid>/delete", delete),
    path("runners/forget", forget),
    path("media/<path:path>", media),
    path("", include("django_peertube_runner_connector.urls")),
]


def main():
    call_command("migrate", verbosity=0)
    token = RunnerRegistrationToken.objects.first()
    if token is None:
        token = RunnerRegistrationToken.objects.create(registrationToken="ptrrt-00000000-0000-4000-8000-000000000001")

    import socketio
    import uvicorn
    from django.core.asgi import get_asgi_application
    from django_peertube_runner_connector.socket import sio

    app = socketio.ASGIApp(sio, other_asgi_app=get_asgi_application())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=PORT, log_level="warning"))

    async def run():
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.05)
        if server.started:
            print("ready", token.registrationToken, flush=True)
        await serving

    asyncio.run(run())


if __name__ == "__main__":
    main()
