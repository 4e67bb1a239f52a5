from django.urls import path

from words import views

urlpatterns = [
    path("", views.page, name="page"),
    path("count", views.count, name="count"),
    path("upload", views.upload, name="upload"),
    path("moved", views.moved, name="moved"),
    path("where", views.where, name="where"),
]
