"""A Django project in one file, as WSGI and as ASGI."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="for-tests", ALLOWED_HOSTS=["*"], DEFAULT_CHARSET="utf-8")


def index(request):
    return JsonResponse({"echo": reverse("echo"), "full": request.build_absolute_uri(reverse("echo"))})


@csrf_exempt
def echo(request):
    upload = request.FILES.get("image")
    return JsonResponse({"path": request.path, "file": upload and upload.read().decode()})


def moved(request):
    return HttpResponseRedirect(reverse("echo"))


urlpatterns = [path("", index, name="index"), path("echo", echo, name="echo"), path("moved", moved, name="moved")]

application = get_wsgi_application()
asgi = get_asgi_application()
